import type { Write } from '../../core/consensus/ready.ts'
import type { HardState, Snapshot } from '../../core/consensus/types.ts'
import type { Change, Store } from '../storage/types.ts'
import { type Base, encodeBase, encodeLogRecord, encodeWitness } from './records.ts'

/** Bytes of a value that holds a part of a snapshot: one record of the store is not to become large. A guess. */
const PART_BYTES = 1_048_576

/** Keys of a group's records. */
export class Keys {
  readonly #prefix: string

  constructor(group: string) {
    this.#prefix = `raft/${encodeURIComponent(group)}`
  }

  get base(): string {
    return `${this.#prefix}/b`
  }

  /** Number of a record that is on disk for sure. */
  get witness(): string {
    return `${this.#prefix}/e`
  }

  /** Of the records of the log. Their keys stand in the order of their numbers. */
  get records(): string {
    return `${this.#prefix}/w/`
  }

  get snapshots(): string {
    return `${this.#prefix}/s/`
  }

  /** How often the group was taken up. */
  get generation(): string {
    return `${this.#prefix}/g`
  }

  record(number: number): string {
    return this.records + digits(number)
  }

  part(index: number, part: number): string {
    return `${this.snapshots}${digits(index)}/${digits(part)}`
  }
}

const digits = (number: number): string => String(number).padStart(16, '0')

/** What stands in the store when it is opened. */
export interface Stored {
  readonly base: Base
  /** The greatest index in each record, 0 where it has no entries: of base's first and those that follow it. */
  readonly kept: number[]
  readonly hardState: HardState
  /** Nothing is in the store yet, the base neither. */
  readonly fresh: boolean
  /** Runs before anything is, once: from then on the others may count on it. */
  begin?(): Promise<void>
}

/**
 * A replica's log and snapshot in the node's store. The store keeps the order of the calls, makes each of them whole, and
 * lets a failed one take all behind it along; so records that are numbered without a gap are all that was ever promised.
 */
export class RaftStore {
  readonly #store: Store
  readonly #keys: Keys
  #base: Base
  #fresh: boolean
  #hardState: HardState
  readonly #kept: number[]
  /** Number of the last record that is on disk, and of the one that the disk has been told so of. */
  #synced = 0
  #witnessed = 0
  /** While a leader's snapshot is written: what comes after it waits. */
  #installing: Promise<void> | undefined
  #begin: (() => Promise<void>) | undefined

  constructor(store: Store, keys: Keys, { base, kept, hardState, fresh, begin }: Stored) {
    this.#store = store
    this.#keys = keys
    this.#base = base
    this.#kept = kept
    this.#hardState = hardState
    this.#fresh = fresh
    this.#begin = fresh ? begin : undefined
  }

  get snapshotBytes(): number {
    return this.#base.snapshotBytes
  }

  /** Resolves once it, and every one before it, is on disk. Rejects where it is not; then no later one may be made. */
  write(write: Write): Promise<void> {
    if (this.#begin !== undefined) {
      this.#installing = this.#begin()
      this.#begin = undefined
    }
    if (this.#installing === undefined && write.snapshot === undefined) return this.#append(write)
    const before = this.#installing ?? Promise.resolve()
    const done = before.then(() =>
      write.snapshot === undefined ? this.#append(write) : this.#install(write, write.snapshot)
    )
    this.#installing = done
    const over = (): void => {
      if (this.#installing === done) this.#installing = undefined
    }
    // After a failure it stays: what follows fails too.
    done.then(over, () => {})
    return done
  }

  /**
   * Says on the disk which record is the last that is there, if that is news. Each record shows that the one before must
   * be there; of the last it takes another to show that it was there once, and is lost.
   */
  bearWitness(): void {
    if (this.#synced === this.#witnessed) return
    this.#witnessed = this.#synced
    this.#store.writeLater([{ key: this.#keys.witness, value: encodeWitness(this.#synced) }])
  }

  async #append(write: Write): Promise<void> {
    const changes = this.#changes(write)
    const number = this.#last
    await this.#store.write(changes)
    this.#synced = number
  }

  get #last(): number {
    return this.#base.first + this.#kept.length - 1
  }

  /** The record of a write, behind what must be there before it. */
  #changes({ hardState, entries }: Write): Change[] {
    this.#hardState = hardState ?? this.#hardState
    const value = encodeLogRecord({ hardState, entries })
    const key = this.#keys.record(this.#last + 1)
    this.#kept.push(entries.at(-1)?.index ?? 0)
    const record = { key, value }
    if (!this.#fresh) return [record]
    this.#fresh = false
    return [{ key: this.#keys.base, value: encodeBase(this.#base) }, record]
  }

  /**
   * One batch voids all of the log and makes the snapshot the group's: after a crash it is as before, or done. It takes a
   * number of its own, so that the record after it shows where it is lost.
   */
  async #install(write: Write, snapshot: Snapshot): Promise<void> {
    const parts = await this.#writeParts(snapshot)
    this.#hardState = write.hardState ?? this.#hardState
    const changes = this.#replace(snapshot, parts, this.#kept.length, 1)
    if (write.entries.length > 0) changes.push(...this.#changes({ ...write, hardState: undefined }))
    const number = this.#last
    await this.#store.write(changes)
    this.#synced = number
  }

  /**
   * Keeps a snapshot of the own state machine, and drops the records that it stands for. False where it is no news: a
   * leader's has taken its place, perhaps meanwhile.
   */
  async keep(snapshot: Snapshot): Promise<boolean> {
    const isNews = (): boolean => this.#installing === undefined && snapshot.index > this.#base.snapshot.index
    if (!isNews()) return false
    const parts = await this.#writeParts(snapshot)
    if (!isNews()) {
      // A leader's stands for more: these are of another index than its own.
      this.#store.writeLater(this.#partsOf(snapshot.index, parts))
      return false
    }
    // From the oldest on, so that what is left has no gap. A record that is void in part goes when all of it may.
    const free = this.#kept.findIndex((last) => last > snapshot.index)
    await this.#store.write(this.#replace(snapshot, parts, free < 0 ? this.#kept.length : free, 0))
    return true
  }

  /** The snapshot takes the place of the one before and of the first `count` records, and has so many numbers itself. */
  #replace({ index, term, configuration, data }: Snapshot, parts: number, count: number, own: 0 | 1): Change[] {
    const { first, snapshot: former, snapshotParts, voters } = this.#base
    const changes = this.#partsOf(former.index, snapshotParts)
    for (let i = 0; i < count; i++) changes.push({ key: this.#keys.record(first + i), value: undefined })
    this.#kept.splice(0, count)
    this.#base = {
      first: first + count + own,
      hardState: this.#hardState,
      snapshot: { index, term, configuration },
      snapshotBytes: data.byteLength,
      snapshotParts: parts,
      voters
    }
    this.#fresh = false
    changes.push({ key: this.#keys.base, value: encodeBase(this.#base) })
    return changes
  }

  #partsOf(index: number, parts: number): Change[] {
    return Array.from({ length: parts }, (_, part) => ({ key: this.#keys.part(index, part), value: undefined }))
  }

  /** They count for nothing yet. One after the other, so that not all of it waits in memory a second time. */
  async #writeParts({ index, data }: Snapshot): Promise<number> {
    let part = 0
    for (let at = 0; at < data.byteLength; at += PART_BYTES) {
      const value = data.subarray(at, at + PART_BYTES)
      await this.#store.write([{ key: this.#keys.part(index, part++), value }])
    }
    return part
  }
}
