/**
 * What was sent on one stream and not yet settled, by its number on that stream. Numbers rise by one with each entry;
 * most are settled in order, so the window is an array whose settled front is cut off now and then.
 */
export class SentWindow<T> {
  #entries: (T | undefined)[] = []
  #base = 0
  #front = 0
  #open = 0

  /** The number that the next entry gets. */
  get next(): number {
    return this.#base + this.#entries.length
  }

  /** No entry below this is unsettled. */
  get oldest(): number {
    return this.#base + this.#front
  }

  /** Entries not settled. */
  get size(): number {
    return this.#open
  }

  push(entry: T): number {
    this.#open++
    return this.#base + this.#entries.push(entry) - 1
  }

  /** Takes an entry out; undefined when it was settled before. */
  settle(sequence: number): T | undefined {
    const at = sequence - this.#base
    const entry = at < 0 ? undefined : this.#entries[at]
    if (entry === undefined) return undefined
    this.#entries[at] = undefined
    this.#open--
    if (at === this.#front) this.#advance()
    return entry
  }

  *[Symbol.iterator](): Iterator<[sequence: number, entry: T]> {
    for (let at = this.#front; at < this.#entries.length; at++) {
      const entry = this.#entries[at]
      if (entry !== undefined) yield [this.#base + at, entry]
    }
  }

  #advance(): void {
    const { length } = this.#entries
    while (this.#front < length && this.#entries[this.#front] === undefined) this.#front++
    if (this.#front === length || this.#front >= 1024) {
      this.#entries = this.#entries.slice(this.#front)
      this.#base += this.#front
      this.#front = 0
    }
  }
}
