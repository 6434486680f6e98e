/**
 * The newest value of each key that is on its way to disk. A map for each group of the log, dropped with it: one map in
 * which keys come and go keeps, once it is old, what was ever in it (`NumberedTable` says why), here every message.
 *
 * Invariant: of two groups, as many as there are at a time, the later one's value is the key's.
 */
export class Overlay<T> {
  /** What is in the group that is under way, where a later one has begun. */
  #former = new Map<string, T>()
  #current = new Map<string, T>()

  get(key: string): T | undefined {
    return this.#current.get(key) ?? this.#former.get(key)
  }

  has(key: string): boolean {
    return this.#current.has(key) || this.#former.has(key)
  }

  set(key: string, next: T): void {
    this.#current.set(key, next)
  }

  /** Of both groups: a key may come twice. */
  *keys(): Generator<string> {
    yield* this.#former.keys()
    yield* this.#current.keys()
  }

  /** What is set from here on is in another group; what was in the one before the last is written. */
  begin(): void {
    this.#former = this.#current
    this.#current = new Map()
  }

  /** The oldest group is on disk. `all`: no other has begun. */
  written(all: boolean): void {
    if (all) this.clear()
    else this.#former = new Map()
  }

  clear(): void {
    this.#former = new Map()
    this.#current = new Map()
  }
}
