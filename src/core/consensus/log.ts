import { Configurations } from './configurations.ts'
import type { Entry, Hint, Snapshot } from './types.ts'
import { Writes } from './writes.ts'

/** What an entry counts for beside its data, in bytes: index, term and kind, estimated from above. */
const ENTRY_OVERHEAD = 24

/** The log as it stands in memory: the entries since it was compacted, and the latest snapshot. */
export class Log {
  snapshot: Snapshot
  readonly writes: Writes
  configurations: Configurations
  /** The entry before the first, which is known by its term only. */
  #offset: number
  #offsetTerm: number
  #entries: Entry[] = []

  /** `entries` follow the snapshot without a gap and are on disk, as is `term`; older ones are passed over. */
  constructor(snapshot: Snapshot, entries: readonly Entry[], term: number) {
    this.snapshot = snapshot
    this.#offset = snapshot.index
    this.#offsetTerm = snapshot.term
    this.configurations = new Configurations(snapshot.index, snapshot.configuration)
    for (const entry of entries) if (entry.index > snapshot.index) this.append(entry)
    this.writes = new Writes(this.last, term)
  }

  get last(): number {
    return this.#offset + this.#entries.length
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#offsetTerm
  }

  /** Undefined where the entry is not there, or not any more. */
  term(index: number): number | undefined {
    return index === this.#offset ? this.#offsetTerm : this.#entries[index - this.#offset - 1]?.term
  }

  matches(index: number, term: number): boolean {
    return this.term(index) === term
  }

  /** Whether a log that ends so is at least as up to date as this one (thesis 3.6.1). */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.last)
  }

  append(entry: Entry): void {
    if (entry.index !== this.last + 1) throw new RangeError(`entry ${entry.index} after ${this.last}`)
    this.#entries.push(entry)
    this.configurations.add(entry)
  }

  /**
   * Takes what follows an entry that matches. Only a conflict cuts anything off (thesis, figure 3.1): an append that
   * comes late must not take away what came after it. Never at or below `commit`.
   */
  merge(entries: readonly Entry[], commit: number): void {
    for (const entry of entries) {
      const term = this.term(entry.index)
      if (entry.index <= this.#offset || term === entry.term) continue
      if (term !== undefined) this.#cutFrom(entry.index, commit)
      this.append(entry)
    }
  }

  #cutFrom(index: number, commit: number): void {
    if (index <= commit) throw new RangeError(`entry ${index} of ${commit} committed ones would be cut off`)
    this.#entries.length = index - this.#offset - 1
    this.configurations.cutFrom(index)
    this.writes.cutFrom(index)
  }

  /**
   * The last entry at or before `index` whose term is not above `term`. By it both sides pass over a whole term with
   * one rejection (thesis 3.5): nothing above it can agree with a log that has `term` at `index`.
   */
  hint(index: number, term: number): Hint {
    let at = Math.min(index, this.last)
    while (at > this.#offset && this.term(at)! > term) at--
    return { index: at, term: this.term(at) ?? 0 }
  }

  /** From `first` to `last`, as many as `maxBytes` hold but at least one. */
  slice(first: number, last: number, maxBytes: number): Entry[] {
    const found: Entry[] = []
    let bytes = 0
    for (let index = first; index <= last; index++) {
      const entry = this.#entries[index - this.#offset - 1]!
      bytes += sizeOf(entry)
      if (found.length > 0 && bytes > maxBytes) break
      found.push(entry)
    }
    return found
  }

  /** What the disk has not been given. */
  unwritten(): readonly Entry[] {
    return this.#entries.slice(this.writes.next - this.#offset - 1)
  }

  /** Forgets the entries up to `index`, which `snapshot` stands for. */
  compact(index: number, snapshot: Snapshot): void {
    this.snapshot = snapshot
    if (index <= this.#offset) return
    this.#offsetTerm = this.term(index)!
    this.#entries.splice(0, index - this.#offset)
    this.#offset = index
    this.configurations.compact(index)
  }

  /** A snapshot that the log does not lead to takes its place (thesis 5.1). */
  restore(snapshot: Snapshot): void {
    this.snapshot = snapshot
    this.#offset = snapshot.index
    this.#offsetTerm = snapshot.term
    this.#entries = []
    this.configurations = new Configurations(snapshot.index, snapshot.configuration)
    this.writes.restart(snapshot.index)
  }
}

/** Bytes an entry adds to a message, estimated. */
export function sizeOf(entry: Entry): number {
  if (entry.kind === 'command') return ENTRY_OVERHEAD + entry.data.byteLength
  let bytes = ENTRY_OVERHEAD
  // Not nothing: a message of many would pass every bound of a frame.
  if (entry.kind === 'configuration')
    for (const ids of Object.values<readonly string[]>({ ...entry.configuration }))
      for (const id of ids) bytes += 2 + id.length
  return bytes
}
