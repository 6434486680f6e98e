/** Something that will happen. `run` is undefined once it was cancelled. */
export interface Scheduled {
  readonly at: number
  /** Order of birth: breaks ties, so that equal times run first come, first served. */
  readonly order: number
  run: (() => void) | undefined
}

/** A binary heap on (time, order of birth). */
export class EventQueue {
  readonly #heap: Scheduled[] = []

  get size(): number {
    return this.#heap.length
  }

  push(event: Scheduled): void {
    const heap = this.#heap
    let child = heap.length
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[child] = heap[parent]!
      child = parent
    }
    heap[child] = event
  }

  peek(): Scheduled | undefined {
    return this.#heap[0]
  }

  pop(): Scheduled | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[parent] = heap[child]!
      parent = child
    }
    heap[parent] = last
    return first
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
