/** Something that is used now and then; `used` is the index of the entry that did so last. */
export interface Used<T> {
  used: number
  older: T | undefined
  newer: T | undefined
}

/**
 * What was used, in that order: a list through the members themselves, so that using one again costs no memory. The order
 * follows from the log alone, so a snapshot that names the members from the oldest on restores it.
 */
export class Recency<T extends Used<T>> {
  #oldest: T | undefined
  #newest: T | undefined

  get oldest(): T | undefined {
    return this.#oldest
  }

  get newest(): T | undefined {
    return this.#newest
  }

  /** It must not be in it. */
  add(member: T, index: number): void {
    member.used = index
    member.older = this.#newest
    if (this.#newest === undefined) this.#oldest = member
    else this.#newest.newer = member
    this.#newest = member
  }

  use(member: T, index: number): void {
    if (this.#newest === member) member.used = index
    else {
      this.delete(member)
      this.add(member, index)
    }
  }

  /** It must be in it. */
  delete(member: T): void {
    const { older, newer } = member
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    member.older = undefined
    member.newer = undefined
  }

  clear(): void {
    this.#oldest = undefined
    this.#newest = undefined
  }

  /** From the oldest on. Nothing may be used meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (let member = this.#oldest; member !== undefined; member = member.newer) yield member
  }
}
