interface Task {
  at: number
  serial: number
  run: () => void
}

/** What happens when, in virtual ms: a heap, since a thousand hosts plan a hundred thousand things. */
export class Agenda {
  readonly #heap: Task[] = []
  #serial = 0
  now = 0

  after(ms: number, run: () => void): void {
    const heap = this.#heap
    const task = { at: this.now + ms, serial: this.#serial++, run }
    let at = heap.push(task) - 1
    for (let up = (at - 1) >> 1; at > 0 && before(task, heap[up]!); up = (at - 1) >> 1) {
      heap[at] = heap[up]!
      at = up
    }
    heap[at] = task
  }

  run(ms: number): void {
    const end = this.now + ms
    for (let task = this.#heap[0]; task !== undefined && task.at <= end; task = this.#heap[0]) {
      this.#shift()
      this.now = task.at
      task.run()
    }
    this.now = end
  }

  #shift(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (let down = 1; down < heap.length; down = 2 * at + 1) {
      if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down++
      if (!before(heap[down]!, last)) break
      heap[at] = heap[down]!
      at = down
    }
    heap[at] = last
  }
}

function before(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.serial < b.serial)
}
