import type { Disk } from '../ports.ts'
import { closedError, storageError } from './failure.ts'
import { Group } from './group.ts'
import { HEADER_BYTES } from './record.ts'
import { recover, type Visit } from './recovery.ts'
import { scan } from './scan.ts'
import { createSegment, openSegments, type Segment } from './segment.ts'
import type { StorageReport } from './types.ts'

export interface LogOptions {
  /** A segment that has so many bytes gets no more. Default 64 MiB, a guess: few files, each soon free again. */
  readonly segmentBytes?: number | undefined
  /**
   * Whether `sync` waits for the disk. Default true. Without it records outlive the process, not the machine: for what
   * may be lost, such as a queue that was spilled.
   */
  readonly durable?: boolean | undefined
  readonly report?: StorageReport | undefined
  /** Told of each record that is there when the log is opened, in order. */
  readonly visit?: Visit | undefined
  /** Runs before those who wait for the records up to `last` go on; they stand in `segment` from `base` on. */
  readonly onWritten?: ((segment: Segment, base: number, last: number) => void) | undefined
  /** Runs before those who wait are refused: no record above `last` is or ever will be in the log. */
  readonly onFailed?: ((last: number) => void) | undefined
}

const SEGMENT_BYTES = 67_108_864
/** Records that nobody waits for are written once there are so many bytes of them. A guess. */
const WRITE_BYTES = 262_144

/**
 * Numbered records in files, the oldest of which can be dropped: an append-only log with group commit. One write and one
 * fdatasync are under way at a time; all that was appended meanwhile shares the next.
 *
 * After a write or fdatasync that failed nobody knows what the file holds, and a second fdatasync that succeeds says
 * nothing, because the kernel may have dropped the pages and marked them clean (Rebello et al., "Can Applications
 * Recover from fsync Failures?", USENIX ATC 2020). So such a file is never written again: its last synced record is the
 * last that counts, a new segment begins behind it, and whoever waited is refused.
 *
 * @example
 * const log = await openLog(disk)
 * const index = log.append(record)
 * await log.sync()
 * for await (const [index, record] of log.read(1)) …
 */
export async function openLog(disk: Disk, options: LogOptions = {}): Promise<SegmentLog> {
  try {
    const segments = await openSegments(disk)
    const { report = () => {}, visit } = options
    const { synced, tail } = await recover(disk, segments, visit ?? (() => {}), report)
    // What stands behind the last witness may be in the kernel's memory alone: it is written again before it counts.
    const group = new Group()
    for (const { index, payload } of tail) group.add(index, index - synced, payload)
    const number = (segments.at(-1)?.number ?? 0) + 1
    const current = await createSegment(disk, number, synced + 1, group.bytes)
    let offset = HEADER_BYTES
    for (const record of tail) {
      visit?.({ ...record, offset }, current)
      offset += HEADER_BYTES + record.payload.length
    }
    return new SegmentLog(disk, options, [...segments, current], synced + tail.length)
  } catch (cause) {
    throw storageError('the data folder cannot be opened', cause)
  }
}

export class SegmentLog {
  readonly #disk: Disk
  readonly #options: LogOptions
  readonly #segmentBytes: number
  readonly #durable: boolean
  #segments: Segment[]
  /** Where records go; undefined after a failure, until a new one could be made. */
  #current: Segment | undefined
  /** The number of the newest file, also of one that failed. */
  #number: number
  #last: number
  /** Every record up to here is on disk. */
  #written: number
  /** Takes what is appended. */
  #open = new Group()
  /** On its way to the disk, or empty. */
  #underWay = new Group()
  #running: Promise<void> | undefined
  #closed = false

  constructor(disk: Disk, options: LogOptions, segments: Segment[], last: number) {
    this.#disk = disk
    this.#options = options
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
    this.#durable = options.durable ?? true
    this.#segments = segments
    this.#current = segments.at(-1)
    this.#number = this.#current?.number ?? 0
    this.#last = last
    this.#written = last
  }

  /** Index of the oldest record that is kept; above `last` where there is none. */
  get first(): number {
    const known = this.#segments.find(({ first }) => first > 0)
    return known?.first ?? this.#last + 1
  }

  /** Index of the newest record, 0 before the first; those on their way to disk count. */
  get last(): number {
    return this.#last
  }

  /** Oldest first. The last is the one that grows. */
  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** Takes a copy of the record and returns its index. Whether it reaches the disk is told by `sync`. */
  append(record: Uint8Array): number {
    this.place(record)
    return this.#last
  }

  /** Like `append`; returns where the record begins in its group, which `onWritten` places. */
  place(record: Uint8Array): number {
    if (this.#closed) throw closedError()
    const index = ++this.#last
    const at = this.#open.add(index, index - this.#written, record)
    if (!this.#durable && this.#open.size >= WRITE_BYTES) this.#run()
    return at
  }

  /**
   * Resolves once every record appended so far is on disk. `ERR_STORAGE` where one did not get there: then none from it
   * on is in the log, and their indices are used again.
   */
  sync(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError())
    if (!this.#open.isEmpty) {
      const { ended } = this.#open
      this.#run()
      return ended
    }
    return this.#underWay.isEmpty ? Promise.resolve() : this.#underWay.ended
  }

  /** The records from an index on, up to the last that was appended when it was asked for. */
  async *read(from: number): AsyncGenerator<readonly [index: number, record: Uint8Array]> {
    await this.sync()
    const to = this.#last
    let due = from
    for (const segment of [...this.#segments]) {
      const next = this.#segments[this.#segments.indexOf(segment) + 1]
      const fence = Math.min(next?.first || Number.POSITIVE_INFINITY, to + 1)
      if (due >= fence) continue
      for await (const records of scan(segment.file, HEADER_BYTES, () => {}, segment.end)) {
        for (const { index, payload } of records) {
          if (index < due) continue
          if (index >= fence) break
          due = index + 1
          yield [index, payload]
        }
      }
    }
  }

  /** Lets go of the segments whose every record is older than `index`. */
  async dropBefore(index: number): Promise<void> {
    let dropped = 0
    while (this.#segments.length > dropped + 1 && this.#segments[dropped + 1]!.first <= index) dropped++
    for (const segment of this.#segments.splice(0, dropped)) {
      await segment.file.close()
      await this.#disk.remove(segment.name)
      // One after the other: an old segment must not come back without the newer ones that outdate it.
      await this.#disk.sync()
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    const ended = this.sync().catch(() => {})
    this.#closed = true
    await ended
    await this.#running
    for (const { file } of this.#segments) await file.close().catch(() => {})
  }

  #run(): void {
    this.#running ??= this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    // What the same turn appends comes along.
    await undefined
    while (!this.#open.isEmpty) {
      const group = this.#open
      this.#open = this.#underWay
      this.#underWay = group
      try {
        await this.#write(group)
        this.#written = group.last
        group.end()
      } catch (cause) {
        await this.#giveUp(cause)
      }
    }
    this.#running = undefined
  }

  async #write(group: Group): Promise<void> {
    if (this.#current === undefined || this.#current.end >= this.#segmentBytes) {
      await this.#begin(group.first)
    }
    const segment = this.#current!
    const base = segment.end
    await segment.file.write(group.bytes, base)
    if (this.#durable) await segment.file.sync()
    segment.end = base + group.size
    this.#options.onWritten?.(segment, base, group.last)
  }

  async #begin(first: number): Promise<void> {
    this.#current = undefined
    const segment = await createSegment(this.#disk, ++this.#number, first, new Uint8Array())
    this.#segments.push(segment)
    this.#current = segment
  }

  /** Nothing that waits is in the log. A new segment says so on disk, if there can be one, before anybody is told. */
  async #giveUp(cause: unknown): Promise<void> {
    await this.#begin(this.#written + 1).catch(() => {})
    this.#last = this.#written
    this.#options.onFailed?.(this.#written)
    const error = storageError('what was written did not reach the disk', cause)
    this.#underWay.end(error)
    this.#open.end(error)
  }
}
