import type { DeltaEntry } from '../../../protocols/overlay/messages.ts'
import type { Entry } from './types.ts'
import { utf8Length, weigh } from './weight.ts'

/** Tombstones remembered at most: as many as a member has entries by default. Beyond, the oldest go before their time. */
const MOST_TOMBSTONES = 32_768

/**
 * A member's entries in the order of their versions. Of each key only the newest entry is kept, a deletion being one
 * too (a tombstone) until it is forgotten; so the log is as long as there are keys, whatever was changed how often.
 */
export class EntryLog {
  /** Without tombstones. */
  readonly live = new Map<string, Entry>()
  /** Tombstones up to this version may be forgotten: who knows less needs the whole log, not a part. */
  floor = 0
  /** Bytes of the live entries, estimated. */
  bytes = 0
  readonly #tombstones = new Map<string, { entry: Entry; at: number }>()
  /** Versions rise once it is `#sorted`; superseded entries stay in until they are half of it. */
  #order: Entry[] = []
  #sorted = true

  /** Whether a value fits where a member may have so many entries and so many bytes of them, in the place of what its key has now. */
  fits(entry: Entry | DeltaEntry, maxEntries: number, maxBytes: number): boolean {
    const before = this.live.get(entry.key)
    if (before === undefined && this.live.size >= maxEntries) return false
    return this.bytes - (before === undefined ? 0 : sizeOf(before)) + sizeOf(entry) <= maxBytes
  }

  /** Takes the entry where it is newer than what is known of its key. Returns undefined where it is not. */
  put(entry: Entry | DeltaEntry, now: number): { before: Entry | undefined } | undefined {
    const before = this.live.get(entry.key)
    const known = before ?? this.#tombstones.get(entry.key)?.entry
    if (known !== undefined && known.version >= entry.version) return undefined
    this.#remove(entry.key)
    if (entry.value === undefined) this.#bury(entry, now)
    else {
      this.live.set(entry.key, entry)
      this.bytes += sizeOf(entry)
    }
    this.#append(entry)
    return { before }
  }

  /** Drops a key without a trace: for what a whole log no longer names. */
  drop(key: string): Entry | undefined {
    const entry = this.live.get(key)
    this.#remove(key)
    return entry
  }

  /** The entries newer than `version`, tombstones included, oldest first. */
  *since(version: number): Generator<Entry> {
    for (let i = this.#firstAfter(version); i < this.#order.length; i++) {
      const entry = this.#order[i]!
      if (this.#isCurrent(entry)) yield entry
    }
  }

  /** Forgets tombstones buried before `moment` (monotonic ms). */
  forget(moment: number): void {
    for (const { entry, at } of this.#tombstones.values()) {
      if (at >= moment) return
      this.#forget(entry)
    }
  }

  #bury(entry: Entry, now: number): void {
    this.#tombstones.set(entry.key, { entry, at: now })
    if (this.#tombstones.size > MOST_TOMBSTONES) this.#forget(this.#tombstones.values().next().value!.entry)
  }

  #forget({ key, version }: Entry): void {
    this.#tombstones.delete(key)
    this.floor = Math.max(this.floor, version)
  }

  #remove(key: string): void {
    const entry = this.live.get(key)
    if (entry !== undefined) this.bytes -= sizeOf(entry)
    this.live.delete(key)
    this.#tombstones.delete(key)
  }

  #append(entry: Entry): void {
    const last = this.#order.at(-1)
    this.#order.push(entry)
    // A whole log that fills a gap brings older versions after newer ones, thousands at a time: they are sorted when read.
    if (last !== undefined && last.version > entry.version) this.#sorted = false
    const keys = this.live.size + this.#tombstones.size
    if (this.#order.length > 32 && this.#order.length > 2 * keys) {
      this.#order = this.#order.filter((e) => this.#isCurrent(e))
    }
  }

  #isCurrent(entry: Entry): boolean {
    return this.live.get(entry.key) === entry || this.#tombstones.get(entry.key)?.entry === entry
  }

  #firstAfter(version: number): number {
    if (!this.#sorted) this.#order.sort((a, b) => a.version - b.version)
    this.#sorted = true
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#order[middle]!.version > version) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** Bytes an entry adds to a delta, estimated from above. */
export function sizeOf(entry: Entry): number {
  return 16 + utf8Length(entry.key) + weigh(entry.value)
}
