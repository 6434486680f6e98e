import type { Applied } from './types.ts'

/** Commands in one call of a follower's. A guess. */
const BATCH = 256

interface Place {
  readonly bytes: number
  readonly applied: Applied | undefined
}

/** What was applied here, for as long as the log in memory has it: a place for each entry from `first` on. */
export class History {
  /** Index of the first entry. */
  first: number
  /** Of all entries that were ever added. */
  bytes = 0
  #places: Place[] = []

  constructor(first: number) {
    this.first = first
  }

  /** Index of the last entry; below `first` while there is none. */
  get last(): number {
    return this.first + this.#places.length - 1
  }

  /** The next entry: what it did, undefined where that was nothing. */
  add(bytes: number, applied: Applied | undefined): void {
    this.#places.push({ bytes, applied })
    this.bytes += bytes
  }

  /** The log begins anew behind a snapshot. */
  restart(first: number): void {
    this.first = first
    this.#places = []
  }

  /** Forgets the entries up to `index`. */
  compact(index: number): void {
    const count = Math.max(0, index - this.first + 1)
    this.first += count
    this.#places = this.#places.slice(count)
  }

  /** The entry up to which may be forgotten so that at most so many, of so many bytes, are left. */
  trailing(entries: number, bytes: number): number {
    let left = bytes
    let at = this.#places.length
    while (at > 0 && this.#places.length - at < entries) {
      left -= this.#places[at - 1]!.bytes
      if (left < 0) break
      at--
    }
    return this.first + at - 1
  }

  /** As much from `index` on, which is not before `first`, as is told at a time. */
  read(index: number): { applied: Applied[]; index: number } {
    const end = Math.min(this.#places.length, index - this.first + BATCH)
    const applied: Applied[] = []
    for (let at = index - this.first; at < end; at++) {
      const known = this.#places[at]!.applied
      if (known !== undefined) applied.push(known)
    }
    return { applied, index: this.first + end - 1 }
  }
}
