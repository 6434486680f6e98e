/** Deletions after which the table is made anew, unless more than that is in it. A guess: a copy of so few takes 50 µs. */
const LEAST = 1_024

/**
 * What is open now, by name, in the order in which it was added. A Map that is copied after as many deletions as it is large: one
 * in which names come and go keeps, once it is old, what was ever in it (`NumberedTable` says why).
 */
export class NamedTable<T> {
  #entries = new Map<string, T>()
  #deletions = 0

  get size(): number {
    return this.#entries.size
  }

  /** What was added before all others. */
  get first(): T | undefined {
    for (const entry of this.#entries.values()) return entry
    return undefined
  }

  get(name: string): T | undefined {
    return this.#entries.get(name)
  }

  set(name: string, entry: T): void {
    this.#entries.set(name, entry)
  }

  delete(name: string): void {
    if (!this.#entries.delete(name)) return
    if (++this.#deletions <= Math.max(LEAST, this.#entries.size)) return
    this.#entries = new Map(this.#entries)
    this.#deletions = 0
  }

  values(): IterableIterator<T> {
    return this.#entries.values()
  }

  clear(): void {
    this.#entries = new Map()
    this.#deletions = 0
  }
}
