interface Step {
  at: number
  order: number
  run: () => void
}

/** Steps by time, those of one time in the order they were planned. */
export class Agenda {
  readonly #heap: Step[] = []
  #order = 0

  plan(at: number, run: () => void): void {
    const heap = this.#heap
    heap.push({ at, order: this.#order++, run })
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1
      if (!before(heap[i]!, heap[parent]!)) return
      swap(heap, i, parent)
      i = parent
    }
  }

  next(until: number): Step | undefined {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.at > until) return undefined
    const last = heap.pop()!
    if (heap.length === 0) return first
    heap[0] = last
    for (let i = 0; ; ) {
      let least = i
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child
      }
      if (least === i) return first
      swap(heap, i, least)
      i = least
    }
  }
}

function before(a: Step, b: Step): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function swap(heap: Step[], i: number, j: number): void {
  const step = heap[i]!
  heap[i] = heap[j]!
  heap[j] = step
}
