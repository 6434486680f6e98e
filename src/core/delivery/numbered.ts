/** Something that a peer names by an integer. */
export interface Numbered {
  readonly number: number
}

const LEAST = 16

/**
 * What is open, by number: open addressing with linear probing, at most half full. Not a `Map`, because each table that
 * a Map outgrows points to its successor: once one of them is old, every later one and all that was ever in it outlives
 * the young generation. That cost a requester a third of its time in collections of 30 to 180 ms (measured).
 *
 * Numbers are chosen by the peer, so where they land depends on a secret multiplier.
 */
export class NumberedTable<T extends Numbered> {
  readonly #multiplier: number
  #entries: (T | undefined)[] = new Array(LEAST).fill(undefined)
  #shift = 32 - Math.log2(LEAST)
  #size = 0

  /** `entropy`: any integer. */
  constructor(entropy: number) {
    this.#multiplier = entropy | 1
  }

  get size(): number {
    return this.#size
  }

  get(number: number): T | undefined {
    return this.#entries[this.#find(number)]
  }

  /** The number must not be in it. */
  add(entry: T): void {
    if (2 * ++this.#size > this.#entries.length) this.#resize(this.#entries.length * 2)
    this.#entries[this.#find(entry.number)] = entry
  }

  delete(number: number): void {
    let hole = this.#find(number)
    if (this.#entries[hole] === undefined) return
    this.#size--
    // What follows moves up, so that no search ends at the hole before it has reached what it looks for.
    const mask = this.#entries.length - 1
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const entry = this.#entries[at]
      if (entry === undefined) break
      const home = this.#home(entry.number)
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      this.#entries[hole] = entry
      hole = at
    }
    this.#entries[hole] = undefined
    if (this.#entries.length > LEAST && 8 * this.#size < this.#entries.length) this.#resize(this.#entries.length / 2)
  }

  /** What is in it now: deleting meanwhile is safe. */
  values(): T[] {
    return this.#entries.filter((entry) => entry !== undefined)
  }

  /** Where the number is, or would be. */
  #find(number: number): number {
    const mask = this.#entries.length - 1
    let at = this.#home(number)
    for (let entry = this.#entries[at]; entry !== undefined; entry = this.#entries[at]) {
      if (entry.number === number) break
      at = (at + 1) & mask
    }
    return at
  }

  #home(number: number): number {
    return Math.imul(number, this.#multiplier) >>> this.#shift
  }

  #resize(length: number): void {
    const entries = this.values()
    this.#entries = new Array(length).fill(undefined)
    this.#shift = 32 - Math.log2(length)
    for (const entry of entries) this.#entries[this.#find(entry.number)] = entry
  }
}
