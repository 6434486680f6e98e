/** Places above which a window that is mostly settled puts its oldest entries aside. A guess: a few credit windows. */
const SPARSE = 16_384

/**
 * What was sent on one stream and not yet settled, by its number on that stream. Numbers rise by one with each entry;
 * most are settled in order, so the window is an array whose settled front is cut off now and then. The few that stay
 * open while thousands after them are settled (a handler that works for minutes) are put aside, so that they hold
 * nothing else. Invariant: `slots` is at most `sparse` and twice the open entries together.
 */
export class SentWindow<T> {
  readonly #sparse: number
  #entries: (T | undefined)[] = []
  #base = 0
  #front = 0
  #open = 0
  /** Entries below `#base`, in the order of their numbers. */
  readonly #aside = new Map<number, T>()

  constructor(sparse = SPARSE) {
    this.#sparse = sparse
  }

  /** The number that the next entry gets. */
  get next(): number {
    return this.#base + this.#entries.length
  }

  /** Entries not settled. */
  get size(): number {
    return this.#open
  }

  /** Places in memory. */
  get slots(): number {
    return this.#entries.length + this.#aside.size
  }

  push(entry: T): number {
    const { length } = this.#entries
    if (length >= this.#sparse && 2 * (this.#open - this.#aside.size) < length) this.#putAside(length >> 1)
    this.#open++
    return this.#base + this.#entries.push(entry) - 1
  }

  /** Takes an entry out; undefined when it was settled before. */
  settle(sequence: number): T | undefined {
    const at = sequence - this.#base
    if (at < 0) return this.#settleAside(sequence)
    const entry = this.#entries[at]
    if (entry === undefined) return undefined
    this.#entries[at] = undefined
    this.#open--
    if (at === this.#front) this.#advance()
    return entry
  }

  /** Takes out all from `first` to `last`: a range costs no more than the window has slots, however long it claims to be. */
  settleAll(first: number, last: number, each: (entry: T) => void): void {
    if (first < this.#base && this.#aside.size > 0) {
      for (const sequence of this.#asideBetween(first, last)) each(this.#settleAside(sequence)!)
    }
    const end = Math.min(last, this.next - 1)
    for (let sequence = Math.max(first, this.#base + this.#front); sequence <= end; sequence++) {
      const entry = this.settle(sequence)
      if (entry !== undefined) each(entry)
    }
  }

  *[Symbol.iterator](): Iterator<[sequence: number, entry: T]> {
    yield* this.#aside
    for (let at = this.#front; at < this.#entries.length; at++) {
      const entry = this.#entries[at]
      if (entry !== undefined) yield [this.#base + at, entry]
    }
  }

  #settleAside(sequence: number): T | undefined {
    const entry = this.#aside.get(sequence)
    if (entry === undefined) return undefined
    this.#aside.delete(sequence)
    this.#open--
    return entry
  }

  #asideBetween(first: number, last: number): number[] {
    // An acknowledgement of one of many is one look-up.
    if (first === last) return this.#aside.has(first) ? [first] : []
    return [...this.#aside.keys()].filter((sequence) => sequence >= first && sequence <= last)
  }

  /** The first `count` slots go; what is open of them stays, by number. */
  #putAside(count: number): void {
    for (let at = this.#front; at < count; at++) {
      const entry = this.#entries[at]
      if (entry !== undefined) this.#aside.set(this.#base + at, entry)
    }
    this.#cut(count)
    this.#advance()
  }

  #advance(): void {
    const { length } = this.#entries
    while (this.#front < length && this.#entries[this.#front] === undefined) this.#front++
    if (this.#front === length || this.#front >= 1024) this.#cut(this.#front)
  }

  #cut(count: number): void {
    this.#entries = this.#entries.slice(count)
    this.#base += count
    this.#front = 0
  }
}
