import { decodeRecord, encodeRecord } from '../../../../protocols/publish-subscribe/log-codec.ts'
import { Recent } from '../../../core/pubsub/recent.ts'
import { Retention } from '../../../core/pubsub/retention.ts'
import type { Clock, Disk, Timer } from '../../ports.ts'
import { openLog } from '../../storage/open-log.ts'
import type { SegmentLog } from '../../storage/segment-log.ts'
import type { StorageReport } from '../../storage/types.ts'
import type { LogLimits } from '../types.ts'
import { readEpoch } from './epoch.ts'
import { DiskScan, RecentScan } from './scan.ts'
import type { LogScan, ReadableLog } from './types.ts'

/** Of a topic's length and a record's header, in the reckoning of what waits to be written. */
const OVERHEAD = 64

export interface PublicationLogComponents {
  clock: Clock
  limits: LogLimits
  /** Of the log where it is in memory: this node's incarnation. */
  epoch: number
  report: StorageReport
  /** More can be read. */
  grown(): void
  /** There is room for more. */
  open(): void
  /** So many publications, from the newest back, did not reach the disk. */
  failed(messages: number): void
}

/**
 * What this node has published, numbered from 1: the newest part in memory, and on disk as much as `limits.retention` says
 * where the node has one.
 *
 * Invariant: with a disk nothing above `last` is read by anybody, for until it is on disk its number may be given again.
 */
export class PublicationLog implements ReadableLog {
  readonly #c: PublicationLogComponents
  readonly #recent: Recent
  readonly #retention: Retention
  #disk: SegmentLog | undefined
  epoch: number
  /** Number of the newest that was appended. */
  #newest = 0
  last = 0
  /** The newest that a former life has left. */
  began = 0
  /** When the newest was published: times never fall, whatever the clock does. */
  #time = 0
  /** Bytes that are not on disk. */
  #unwritten = 0
  #timer: Timer | undefined
  #due = false
  #trimming = false
  /** Somebody waits for what is new. */
  eager = false

  constructor(components: PublicationLogComponents) {
    this.#c = components
    this.epoch = components.epoch
    this.#recent = new Recent(components.limits.recent)
    this.#retention = new Retention(components.limits.retention)
  }

  get durable(): boolean {
    return this.#disk !== undefined
  }

  get newest(): number {
    return this.#newest
  }

  get first(): number {
    return this.#disk === undefined ? this.#recent.base + 1 : (this.#retention.oldest(this.#c.clock.now()) ?? 1)
  }

  /** While so much waits for the disk publishers wait too. */
  get full(): boolean {
    return this.#unwritten >= this.#c.limits.unwritten
  }

  /** Goes on with what a former life has left on the disk. `ERR_STORAGE`. */
  async open(disk: Disk): Promise<void> {
    const { limits, report, epoch } = this.#c
    this.epoch = await readEpoch(disk, epoch)
    const log = await openLog(disk, {
      // Whole segments are dropped: many small ones, so that little more is on disk than is kept.
      segmentBytes: Math.ceil(limits.retention.bytes / 16),
      report,
      visit: ({ index, payload }) => {
        const { time } = decodeRecord(index, payload)
        this.#time = Math.max(time, this.#time)
        this.#retention.add(index, this.#time, payload.length)
      },
      onWritten: (_segment, _base, last) => this.#written(last),
      onFailed: (last) => this.#lost(last)
    })
    this.#disk = log
    this.#newest = this.last = this.began = this.#recent.base = log.last
    this.#trim()
  }

  /** Returns its number. */
  append(topic: string, bytes: Uint8Array): number {
    const time = (this.#time = Math.max(this.#time, Math.floor(this.#c.clock.now())))
    const sequence = ++this.#newest
    this.#recent.push(sequence, time, topic, bytes)
    if (this.#disk === undefined) {
      this.last = sequence
      if (this.eager) this.#schedule()
      return sequence
    }
    this.#disk.append(encodeRecord({ time, topic, bytes }))
    const size = bytes.length + OVERHEAD
    this.#unwritten += size
    if (this.#retention.add(sequence, time, size)) this.#trim()
    if (this.eager || this.#unwritten >= this.#c.limits.group) this.#schedule()
    else this.#timer ??= this.#c.clock.after(this.#c.limits.linger, () => this.#write())
    return sequence
  }

  /** At the turn's end: what is published in one turn is written, or read, together. */
  #schedule(): void {
    if (this.#due) return
    this.#due = true
    this.#c.clock.endOfTurn(() => {
      this.#due = false
      if (this.#disk === undefined) this.#c.grown()
      else this.#write()
    })
  }

  #write(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    // Whoever waits is told by `synced`; `failed` tells of the rest.
    this.#disk!.sync().catch(() => {})
  }

  /** Resolves once everything that was appended is on disk. `ERR_STORAGE`. */
  async synced(): Promise<void> {
    await this.#disk?.sync()
  }

  #written(last: number): void {
    this.last = last
    if (last === this.#newest) this.#unwritten = 0
    else this.#unwritten = this.#recent.sizeAbove(last, OVERHEAD)
    this.#c.grown()
    this.#c.open()
  }

  #lost(last: number): void {
    this.#c.failed(this.#newest - last)
    this.#newest = last
    this.#unwritten = 0
    this.#recent.truncate(last)
    this.#retention.truncate(last)
    this.#c.open()
  }

  /** One at a time; what could not be removed now is with the next step. */
  #trim(): void {
    const oldest = this.#retention.oldest(this.#c.clock.now())
    if (oldest === undefined || this.#trimming) return
    this.#trimming = true
    this.#disk!.dropBefore(oldest)
      .catch(() => {})
      .finally(() => {
        this.#trimming = false
      })
  }

  end(): number | Promise<number> {
    const newest = this.#newest
    if (this.last === newest) return newest
    // Numbers that were lost are given again, to what comes after.
    const reached = () => Math.min(newest, this.last)
    return this.synced().then(reached, reached)
  }

  before(time: number): number {
    return this.#disk === undefined ? this.#recent.base : Math.max(this.first - 1, this.#retention.before(time))
  }

  scan(after: number): LogScan {
    const recent = new RecentScan(this, this.#recent, after)
    return this.#disk === undefined ? recent : new DiskScan(this, this.#recent, this.#disk, recent)
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.#disk?.close()
  }
}
