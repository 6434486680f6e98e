import { decodeRecord } from '../../../../protocols/publish-subscribe/log-codec.ts'
import type { LogEntry } from '../../../../protocols/publish-subscribe/messages.ts'
import type { Recent } from '../../../core/pubsub/recent.ts'
import type { SegmentLog } from '../../storage/segment-log.ts'
import type { Chunk, LogScan, ReadableLog } from './types.ts'

/** Walks over what is in memory. What was let go of meanwhile is left out: the chunk begins behind it. */
export class RecentScan implements LogScan {
  readonly #log: Pick<ReadableLog, 'last'>
  readonly #recent: Recent
  at: number

  constructor(log: Pick<ReadableLog, 'last'>, recent: Recent, after: number) {
    this.#log = log
    this.#recent = recent
    this.at = after
  }

  next(bytes: number): Chunk {
    const after = Math.max(this.at, this.#recent.base)
    const { last } = this.#log
    const entries = this.#recent.between(after, last, bytes)
    // Where the bytes ran out more may follow, else nothing up to the end.
    const more = entries.reduce((total, entry) => total + entry.bytes.length, 0) >= bytes
    const to = Math.max(after, more ? entries.at(-1)!.sequence : last)
    this.at = to
    return { after, to, entries }
  }

  close(): void {}
}

/**
 * Walks over what is on disk, until what follows is in memory. One walk over the files serves all that lies there; it holds
 * a file open, which keeps one that is dropped meanwhile from giving its room back.
 */
export class DiskScan implements LogScan {
  readonly #log: ReadableLog
  readonly #recent: Recent
  readonly #disk: SegmentLog
  readonly #memory: RecentScan
  #records: AsyncGenerator<readonly [number, Uint8Array]> | undefined
  /** Read and not given out: it stands behind a record that is missing. */
  #ahead: LogEntry | undefined
  #closed = false

  constructor(log: ReadableLog, recent: Recent, disk: SegmentLog, memory: RecentScan) {
    this.#log = log
    this.#recent = recent
    this.#disk = disk
    this.#memory = memory
  }

  next(bytes: number): Chunk | Promise<Chunk> {
    if (this.#memory.at < this.#recent.base) return this.#read(bytes)
    this.#release()
    return this.#memory.next(bytes)
  }

  close(): void {
    this.#closed = true
    this.#release()
  }

  #release(): void {
    void this.#records?.return(undefined)
    this.#records = undefined
    this.#ahead = undefined
  }

  async #read(bytes: number): Promise<Chunk> {
    const after = Math.max(this.#memory.at, this.#log.first - 1)
    const entries: LogEntry[] = []
    let size = 0
    let to = after
    try {
      while (size < bytes) {
        const entry = this.#ahead ?? (await this.#entry(to))
        this.#ahead = undefined
        // A damaged part of the log: what is missing is told by where the next chunk begins.
        if (entry === undefined || (entry.sequence > to + 1 && entries.length > 0)) {
          this.#ahead = entry
          break
        }
        if (entry.sequence > to + 1) {
          this.#ahead = entry
          return this.#skip(entry.sequence - 1)
        }
        entries.push(entry)
        size += entry.bytes.length
        to = entry.sequence
      }
      if (entries.length === 0) return this.#skip(this.#recent.base)
    } catch (error) {
      this.#records = undefined
      this.#ahead = undefined
      // Segments that are dropped meanwhile cannot be read to their end.
      if (this.#log.first - 1 <= to && entries.length === 0) throw error
    }
    this.#memory.at = to
    return { after, to, entries }
  }

  #skip(to: number): Chunk {
    this.#memory.at = to
    return { after: to, to, entries: [] }
  }

  /** What follows `after`; undefined where the files have nothing more. */
  async #entry(after: number): Promise<LogEntry | undefined> {
    for (const begun of [this.#records !== undefined, false]) {
      // A walk begun now would never end.
      if (this.#closed) return undefined
      this.#records ??= this.#disk.read(after + 1)
      const { done, value } = await this.#records.next()
      if (!done) return decodeRecord(...value)
      this.#records = undefined
      // What was appended since a walk began is read by the next one.
      if (!begun) break
    }
    return undefined
  }
}
