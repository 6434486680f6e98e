import type { Disk, DiskFile } from '../ports.ts'
import { closedError, storageError } from './failure.ts'
import { Group } from './group.ts'
import { setAside, type Visit } from './recovery.ts'
import { type Gap, scan } from './scan.ts'
import { createSegment, type Segment } from './segment.ts'
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

const ignore = (): void => {}

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
export class SegmentLog {
  readonly #disk: Disk
  readonly #options: LogOptions
  /** A segment that has so many bytes gets no more. */
  readonly segmentBytes: number
  readonly #durable: boolean
  /** There is always one. */
  readonly #segments: Segment[]
  /** Bytes of all but the last. */
  #sealedBytes: number
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
    this.segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
    this.#durable = options.durable ?? true
    this.#segments = segments
    this.#sealedBytes = segments.slice(0, -1).reduce((sum, { end }) => sum + end, 0)
    this.#current = segments.at(-1)
    this.#number = this.#current?.number ?? 0
    this.#last = last
    this.#written = last
  }

  /** Index of the oldest record that is kept; above `last` where there is none. */
  get first(): number {
    return this.#segments[0]!.first
  }

  /** Index of the newest record, 0 before the first; those on their way to disk count. */
  get last(): number {
    return this.#last
  }

  /** Of all segments. */
  get bytes(): number {
    return this.#sealedBytes + this.#segments.at(-1)!.end
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
    if (this.#due) this.#run()
    return at
  }

  /** Puts it behind the payload of the newest record, or returns -1: see `Group.extend`. */
  extend(payload: Uint8Array, most: number): number {
    const at = this.#open.extend(payload, most)
    if (at >= 0 && this.#due) this.#run()
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
    for (let segment = this.#after(undefined); segment !== undefined; segment = this.#after(segment)) {
      const fence = Math.min(this.#after(segment)?.first ?? Number.POSITIVE_INFINITY, to + 1)
      if (due >= fence) continue
      const release = segment.hold()
      try {
        for await (const records of scan(segment.file, segment.before(due), ignore, segment.end)) {
          for (const { index, payload } of records) {
            if (index < due) continue
            if (index >= fence) break
            due = index + 1
            // A copy, so that whoever keeps a record keeps no more than that.
            yield [index, new Uint8Array(payload)]
          }
        }
      } finally {
        release()
      }
    }
  }

  /** Lets go of the segments whose every record is older than `index`. */
  async dropBefore(index: number): Promise<void> {
    while (this.#segments.length > 1 && this.#segments[1]!.first <= index) await this.dropOldest()
  }

  /** Lets go of the oldest segment, unless it is the one that grows. One at a time. */
  async dropOldest(): Promise<void> {
    const oldest = this.#segments[0]!
    if (this.#segments.length < 2) return
    await this.#disk.remove(oldest.name).catch(unlessGone)
    // Each on its own: an old segment must not come back without the newer ones that outdate it.
    await this.#disk.sync()
    this.#segments.shift()
    this.#sealedBytes -= oldest.end
    await oldest.retire()
  }

  /** Keeps a copy of what is damaged in a segment, and reports it. */
  setAside(segment: Segment, gap: Gap): Promise<void> {
    return setAside(this.#disk, segment, gap, this.#options.report ?? ignore)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    const ended = this.sync().catch(() => {})
    this.#closed = true
    await ended
    await this.#running
    await this.#markEnd()
    for (const segment of this.#segments) await segment.retire()
  }

  /** What ends in good order shows where: a segment that is empty says that all before it is on disk. */
  async #markEnd(): Promise<void> {
    if (this.#durable && this.#current?.isEmpty === false) await this.#begin(this.#written + 1).catch(ignore)
  }

  /** The segment behind one, which may be gone by now; the oldest without one. */
  #after(segment: Segment | undefined): Segment | undefined {
    return this.#segments.find(({ number }) => number > (segment?.number ?? 0))
  }

  /** Somebody waits for what was appended, or there is enough of it. */
  get #due(): boolean {
    return this.#open.awaited || this.#open.size >= WRITE_BYTES
  }

  #run(): void {
    this.#running ??= this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    // What the same turn appends comes along.
    await undefined
    while (this.#due) {
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
    if (this.#current === undefined || this.#current.end >= this.segmentBytes) {
      await this.#begin(group.first)
    }
    const segment = this.#current!
    const base = segment.end
    if (this.#durable) await writeThrough(segment.file, group.bytes, base)
    else await segment.file.write(group.bytes, base)
    segment.end = base + group.size
    segment.mark(group.first, base)
    this.#options.onWritten?.(segment, base, group.last)
  }

  async #begin(first: number): Promise<void> {
    this.#current = undefined
    const segment = await createSegment(this.#disk, ++this.#number, first, new Uint8Array())
    const former = this.#segments.at(-1)!
    this.#segments.push(segment)
    this.#sealedBytes += former.end
    this.#current = segment
    if (former.isEmpty) await this.#discard(former)
  }

  /** Nothing stands in it, and its successor begins at the same index. */
  async #discard(segment: Segment): Promise<void> {
    this.#segments.splice(this.#segments.indexOf(segment), 1)
    this.#sealedBytes -= segment.end
    await segment.retire()
    await this.#disk.remove(segment.name).catch(ignore)
  }

  /**
   * Nothing that waits is in the log. Before anybody is told, it is cut off, which a full disk still does, and a new
   * segment says so, which also a disk that has lost its pages does. Where neither can be done, what was refused may be
   * there after a crash, as long as no later write succeeds.
   */
  async #giveUp(cause: unknown): Promise<void> {
    if (this.#current !== undefined) {
      await cutBack(this.#current).catch(ignore)
      await this.#begin(this.#written + 1).catch(ignore)
    }
    this.#last = this.#written
    this.#options.onFailed?.(this.#written)
    const error = storageError('what was written did not reach the disk', cause)
    this.#underWay.end(error)
    this.#open.end(error)
  }
}

async function writeThrough(file: DiskFile, bytes: Uint8Array, at: number): Promise<void> {
  if (file.writeThrough !== undefined) return file.writeThrough(bytes, at)
  await file.write(bytes, at)
  await file.sync()
}

async function cutBack({ file, end }: Segment): Promise<void> {
  await file.truncate(end)
  await file.sync()
}

/** A removal that failed only in its sync is tried again. */
function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
