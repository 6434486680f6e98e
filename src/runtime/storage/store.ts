import type { Disk } from '../ports.ts'
import { eachChange, encodeBatch } from './batch.ts'
import { Compaction } from './compaction.ts'
import { Directory, type Place } from './directory.ts'
import { closedError } from './failure.ts'
import { openLog } from './open-log.ts'
import { Overlay } from './overlay.ts'
import { readValue, readValues } from './reading.ts'
import { RecentValues } from './recent.ts'
import type { Segment } from './segment.ts'
import type { SegmentLog } from './segment-log.ts'
import type { Change, StorageReport, Store } from './types.ts'

/** Smaller than a log's own default: what is outdated takes two of them before it is cleared away. A guess. */
const SEGMENT_BYTES = 16_777_216
/** Keys whose values are read together. A guess: as many small values are one read's worth. */
const READ_KEYS = 1_024

/** Bytes of batches that become one record: one checksum for many small ones, and to read one value is to read them all. A guess. */
const RECORD_BYTES = 4_096

/** A record that is on its way to disk. */
interface Placed {
  readonly index: number
  /** Where it begins in the group. */
  readonly at: number
  /** Bytes of its payload. */
  length: number
}

/** A key's next value, on its way to disk. */
interface Pending {
  readonly key: string
  /** Undefined deletes the key. */
  readonly value: Uint8Array | undefined
  /** 0 for what compaction writes again: the key keeps the version that it has. */
  readonly version: number
  readonly record: Placed
  /** Where it begins in the record's payload. */
  readonly offset: number
}

/** Where the values of the batch begin that is being placed. Nothing awaits while it is in use. */
const offsets: number[] = []

export interface StoreOptions {
  /** Told of what was damaged. */
  readonly report?: StorageReport | undefined
  /** Default 16 MiB. */
  readonly segmentBytes?: number | undefined
}

/**
 * Opens the store of a folder, or makes one. Rejects with `ERR_STORAGE` naming `dataDir` where the folder cannot be
 * read or written, or holds a newer version's store; whatever is intact in a damaged one is there, the rest reported.
 *
 * @example
 * const store = await openStore(new FileDisk('./data/store'), { report: (event) => console.warn(event) })
 * await store.write([{ key: 'state/worker/total', value }, { key: 'inbox/12D3…', value: done }])
 */
export async function openStore(disk: Disk, options: StoreOptions = {}): Promise<Store> {
  const directory = new Directory()
  let version = 0
  let store: LogStore | undefined
  const log = await openLog(disk, {
    segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
    report: options.report,
    visit({ offset: record, payload }, segment) {
      version++
      eachChange(payload, (key, offset, size) => {
        if (size === undefined) directory.delete(key)
        else directory.set(key, version, segment, record, payload.length, offset, size)
      })
    },
    onWritten: (segment, base, last) => store!.written(segment, base, last),
    onFailed: () => store!.failed()
  })
  store = new LogStore(log, directory, version)
  return store
}

class LogStore implements Store {
  readonly durable = true
  readonly #log: SegmentLog
  /** What is on disk. */
  readonly #directory: Directory
  /** The newest value of each key that is on its way there: what readers see. */
  readonly #overlay = new Overlay<Pending>()
  readonly #recent = new RecentValues()
  readonly #compaction: Compaction
  #pending: Pending[] = []
  #version: number
  #closed = false

  constructor(log: SegmentLog, directory: Directory, version: number) {
    this.#log = log
    this.#directory = directory
    this.#version = version
    const isPending = (key: string) => this.#overlay.has(key)
    this.#compaction = new Compaction({ log, directory, isPending, copy: (changes) => this.#place(changes, 0) })
    this.#compaction.consider()
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    if (this.#closed) throw closedError()
    const pending = this.#overlay.get(key)
    if (pending !== undefined) return pending.value
    return this.#recent.get(key) ?? this.#read(key)
  }

  version(key: string): number {
    const pending = this.#overlay.get(key)
    if (pending === undefined) return this.#directory.version(key)
    return pending.value === undefined ? 0 : pending.version
  }

  write(changes: readonly Change[]): Promise<void> {
    if (this.#closed) return Promise.reject(closedError())
    this.writeLater(changes)
    return this.#log.sync()
  }

  writeLater(changes: readonly Change[]): void {
    if (this.#closed) return
    this.#place(changes, ++this.#version)
  }

  sync(): Promise<void> {
    return this.#closed ? Promise.reject(closedError()) : this.#log.sync()
  }

  async *entries(prefix: string): AsyncGenerator<readonly [string, Uint8Array]> {
    if (this.#closed) throw closedError()
    const found = new Set<string>()
    for (const key of this.#directory.keys()) if (key.startsWith(prefix)) found.add(key)
    for (const key of this.#overlay.keys()) if (key.startsWith(prefix)) found.add(key)
    const keys = [...found].sort()
    for (let from = 0; from < keys.length; from += READ_KEYS)
      yield* await this.#values(keys.slice(from, from + READ_KEYS))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#compaction.stop()
    await this.#log.close()
  }

  /** Batches up to the record `last` are on disk now: the directory knows them instead of the overlay. */
  written(segment: Segment, base: number, last: number): void {
    const pending = this.#pending
    let count = 0
    for (; count < pending.length && pending[count]!.record.index <= last; count++) {
      this.#settle(pending[count]!, segment, base)
    }
    this.#pending = pending.slice(count)
    this.#overlay.written(this.#pending.length === 0)
    this.#compaction.consider()
  }

  /** Nothing that was on its way is, or will be, there. */
  failed(): void {
    this.#pending = []
    this.#overlay.clear()
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    const place = this.#directory.find(key)
    if (place === undefined) return undefined
    const version = this.#directory.version(key)
    const value = await readValue(place)
    // It may have another value by now.
    if (this.#directory.version(key) === version) this.#recent.add(key, value)
    return value
  }

  #place(changes: readonly Change[], version: number): void {
    if (changes.length === 0) return
    const batch = encodeBatch(changes, offsets)
    const from = this.#log.extend(batch, RECORD_BYTES)
    let record = this.#pending.at(-1)?.record
    if (from < 0 || record === undefined) {
      const at = this.#log.place(batch)
      if (at === 0) this.#overlay.begin()
      record = { index: this.#log.last, at, length: 0 }
    }
    record.length += batch.length
    for (let i = 0; i < changes.length; i++) {
      const { key, value } = changes[i]!
      const pending = { key, value, version, record, offset: Math.max(0, from) + offsets[i]! }
      this.#pending.push(pending)
      // What compaction copies is on disk already, and no news.
      if (version !== 0) this.#overlay.set(key, pending)
    }
  }

  #settle({ key, value, version, record, offset }: Pending, segment: Segment, base: number): void {
    const directory = this.#directory
    if (value === undefined) directory.delete(key)
    else {
      const { at, length } = record
      directory.set(key, version || directory.version(key), segment, base + at, length, offset, value.length)
    }
    this.#recent.update(key, value)
  }

  /** What the keys have now; a key that has nothing any more is left out. */
  async #values(keys: readonly string[]): Promise<(readonly [string, Uint8Array])[]> {
    const values = new Map<string, Uint8Array | undefined>()
    const places: Place[] = []
    const stored: string[] = []
    for (const key of keys) {
      const pending = this.#overlay.get(key)
      const place = pending === undefined ? this.#directory.find(key) : undefined
      values.set(key, pending?.value)
      if (place === undefined) continue
      places.push(place)
      stored.push(key)
    }
    const read = await readValues(places)
    for (const [i, key] of stored.entries()) values.set(key, read[i])
    return [...values].filter((entry): entry is [string, Uint8Array] => entry[1] !== undefined)
  }
}
