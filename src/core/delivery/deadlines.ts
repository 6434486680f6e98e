/** Something with a time at which it is due. The queue keeps its place in `slot`; -1 outside any queue. */
export interface Due {
  at: number
  slot: number
}

/** A binary heap by `at`, from which members can be taken anywhere: all timers of one kind behind one real timer. */
export class Deadlines<T extends Due> {
  readonly #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  /** When the next member is due; Infinity when there is none. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  add(item: T): void {
    this.#heap.push(item)
    this.#up(this.#heap.length - 1, item)
  }

  remove(item: T): void {
    const { slot } = item
    if (slot < 0) return
    item.slot = -1
    const last = this.#heap.pop()!
    if (last === item) return
    this.#up(slot, last)
    this.#down(last.slot, last)
  }

  /** Takes one member that is due, if any. */
  take(now: number): T | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.remove(first)
    return first
  }

  #up(slot: number, item: T): void {
    while (slot > 0) {
      const parent = (slot - 1) >> 1
      const other = this.#heap[parent]!
      if (other.at <= item.at) break
      this.#heap[slot] = other
      other.slot = slot
      slot = parent
    }
    this.#heap[slot] = item
    item.slot = slot
  }

  #down(slot: number, item: T): void {
    const size = this.#heap.length
    for (;;) {
      let child = 2 * slot + 1
      if (child >= size) break
      if (child + 1 < size && this.#heap[child + 1]!.at < this.#heap[child]!.at) child++
      const other = this.#heap[child]!
      if (other.at >= item.at) break
      this.#heap[slot] = other
      other.slot = slot
      slot = child
    }
    this.#heap[slot] = item
    item.slot = slot
  }
}
