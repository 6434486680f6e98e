import { MeshError } from '../../../protocols/errors.ts'
import type { Disk } from '../ports.ts'
import { eachChange, encodeBatch } from './batch.ts'
import { Directory } from './directory.ts'
import { closedError, storageError } from './failure.ts'
import { HEADER_BYTES, isIntact } from './record.ts'
import type { Segment } from './segment.ts'
import { openLog, type SegmentLog } from './segment-log.ts'
import type { Change, StorageReport, Store } from './types.ts'

/** A write that is on its way to disk. */
interface Pending {
  readonly index: number
  readonly version: number
  readonly changes: readonly Change[]
  /** Where its record begins in the group. */
  readonly at: number
  /** Bytes of its record's payload. */
  readonly length: number
  /** Where each value begins in the payload. */
  readonly offsets: readonly number[]
}

/**
 * Opens the store of a folder, or makes one. Rejects with `ERR_STORAGE` naming `dataDir` where the folder cannot be
 * read or written, or holds a newer version's store; whatever is intact in a damaged one is there, the rest reported.
 *
 * @example
 * const store = await openStore(new FileDisk('./data/store'), (event) => console.warn(event))
 * await store.write([{ key: 'state/worker/total', value }, { key: 'inbox/12D3…', value: done }])
 */
export async function openStore(disk: Disk, report: StorageReport = () => {}): Promise<Store> {
  const store = new LogStore()
  await store.open(disk, report)
  return store
}

class LogStore implements Store {
  readonly durable = true
  readonly #directory = new Directory()
  /** The newest value of each key that is on its way to disk: what readers see. */
  readonly #overlay = new Map<string, { value: Uint8Array | undefined; version: number }>()
  #pending: Pending[] = []
  #log!: SegmentLog
  readonly #segments = new Map<number, Segment>()
  #version = 0
  #closed = false

  async open(disk: Disk, report: StorageReport): Promise<void> {
    this.#log = await openLog(disk, {
      report,
      visit: ({ index, offset: record, payload }, segment) => {
        this.#segments.set(segment.number, segment)
        const version = ++this.#version
        eachChange(payload, (key, offset, size) => {
          this.#apply(key, size, version, segment, record, payload.length, offset)
        })
        void index
      },
      onWritten: (segment, base, last) => this.#written(segment, base, last),
      onFailed: () => {
        this.#pending = []
        this.#overlay.clear()
      }
    })
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    if (this.#closed) throw closedError()
    const pending = this.#overlay.get(key)
    if (pending !== undefined) return pending.value
    const slot = this.#directory.find(key)
    return slot === undefined ? undefined : this.#read(slot)
  }

  version(key: string): number {
    const pending = this.#overlay.get(key)
    if (pending !== undefined) return pending.value === undefined ? 0 : pending.version
    const slot = this.#directory.find(key)
    return slot === undefined ? 0 : this.#directory.version[slot]!
  }

  write(changes: readonly Change[]): Promise<void> {
    if (this.#closed) return Promise.reject(closedError())
    const version = ++this.#version
    const offsets: number[] = []
    const batch = encodeBatch(changes, offsets)
    const at = this.#log.place(batch)
    this.#pending.push({ index: this.#log.last, version, changes, at, length: batch.length, offsets })
    for (const { key, value } of changes) this.#overlay.set(key, { value, version })
    return this.#log.sync()
  }

  async *entries(prefix: string): AsyncGenerator<readonly [string, Uint8Array]> {
    if (this.#closed) throw closedError()
    const keys = new Set<string>()
    for (const [key] of this.#directory.entries()) if (key.startsWith(prefix)) keys.add(key)
    for (const key of this.#overlay.keys()) if (key.startsWith(prefix)) keys.add(key)
    for (const key of [...keys].sort()) {
      const value = await this.get(key)
      if (value !== undefined) yield [key, value]
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#log.close()
  }

  /** Batches that are on disk now: the directory knows them instead of the overlay. */
  #written(segment: Segment, base: number, last: number): void {
    this.#segments.set(segment.number, segment)
    let count = 0
    for (const { index, version, changes, at, length, offsets } of this.#pending) {
      if (index > last) break
      count++
      for (const [i, { key, value }] of changes.entries()) {
        this.#apply(key, value?.length, version, segment, base + at, length, offsets[i]!)
        if (this.#overlay.get(key)?.version === version) this.#overlay.delete(key)
      }
    }
    this.#pending.splice(0, count)
  }

  #apply(
    key: string,
    size: number | undefined,
    version: number,
    segment: Segment,
    record: number,
    length: number,
    offset: number
  ): void {
    const directory = this.#directory
    if (size === undefined) {
      const slot = directory.find(key)
      if (slot !== undefined) directory.remove(key, slot)
      return
    }
    const slot = directory.claim(key)
    directory.segment[slot] = segment.number
    directory.record[slot] = record
    directory.length[slot] = length
    directory.offset[slot] = offset
    directory.size[slot] = size
    directory.version[slot] = version
  }

  async #read(slot: number): Promise<Uint8Array> {
    const { segment, record, length, offset, size } = this.#directory
    const [payload, begin, end] = [length[slot]!, offset[slot]!, offset[slot]! + size[slot]!]
    const { file, name } = this.#segments.get(segment[slot]!)!
    const at = record[slot]!
    let bytes: Uint8Array
    try {
      bytes = await file.read(at, HEADER_BYTES + payload)
    } catch (cause) {
      throw storageError(`${name} cannot be read`, cause)
    }
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (buffer.length < HEADER_BYTES + payload || !isIntact(buffer, 0, payload)) {
      const message = `the record at ${at} of ${name} is not what was written`
      throw new MeshError('ERR_CORRUPT', message, { details: { file: name, offset: at } })
    }
    return buffer.subarray(HEADER_BYTES + begin, HEADER_BYTES + end)
  }
}
