import type { MeshError } from '../../../protocols/errors.ts'
import type { Disk } from '../ports.ts'
import { openLog } from './open-log.ts'
import type { SegmentLog } from './segment-log.ts'
import type { StorageReport } from './types.ts'

/** How a record begins. */
const Mark = {
  /** Nobody else has the item: a later life of the node hands it out. */
  own: 0,
  /** Its sender has the item until it is acknowledged, and sends it again: worth nothing to a later life. */
  guarded: 1,
  /** No item: everything up to the index that follows was handed out. */
  taken: 2
} as const

const TAKEN_BYTES = 9
/** Bytes of a file: so much stays on disk at most when all of it was handed out. A guess. */
const SEGMENT_BYTES = 8 * 2 ** 20
/** Guarded items whose owners are kept in memory. A guess: about 16 MB of them. */
const MOST_GUARDED = 65_536

export interface SpillHost<T> {
  /** It is on disk: nothing in memory need hold its bytes. */
  stored(item: T): void
  /** It is not, and never comes. */
  failed(item: T, error: MeshError): void
  /** These were nobody else's, and may not be handed out: that they were could not be written. */
  lost(records: readonly Uint8Array[], error: MeshError): void
  /** The folder was opened; `left` items wait there. */
  opened(left: number): void
  /** The folder cannot be used any more; whatever of it was guarded has `failed`. */
  broken(error: MeshError): void
}

export interface Spilled<T> {
  readonly bytes: Uint8Array
  /** Whoever pushed it, where it was guarded. */
  readonly item: T | undefined
}

/**
 * A queue on disk: what is pushed leaves memory once it is synced, and comes back in its order. What was `own` outlives the
 * process. Before items are handed out it is on disk that they were, so none of them ever is twice: whatever a crash takes
 * is one batch at most.
 */
export class SpillQueue<T> {
  readonly #host: SpillHost<T>
  readonly #most: number
  readonly #guards = new Map<number, T>()
  #log: SegmentLog | undefined
  #opening: Promise<void> | undefined
  #broken: MeshError | undefined
  #closed = false
  #ended: Promise<void> | undefined
  /** What was pushed before the folder was open. */
  #early: { bytes: Uint8Array; item: T; guarded: boolean }[] = []
  #pending: { index: number; item: T; bytes: number }[] = []
  #flushing = false
  #reader: AsyncGenerator<readonly [number, Uint8Array]> | undefined
  /** Everything below was handed out, or is to be passed over. */
  #next = 1
  #length = 0
  #bytes = 0

  /** `most`: bytes that wait at most. */
  constructor(disk: Disk, most: number, report: StorageReport, host: SpillHost<T>) {
    this.#host = host
    this.#most = most
    this.#opening = this.#open(disk, report)
  }

  /** Items that wait. */
  get length(): number {
    return this.#length
  }

  /** True where items wait or, since the folder is not open yet, may do so. */
  get active(): boolean {
    return this.#length > 0 || this.#opening !== undefined
  }

  /** Takes a copy of the bytes; false where no more fits. */
  push(bytes: Uint8Array, item: T, guarded: boolean): boolean {
    if (this.#closed || this.#broken !== undefined || this.#bytes + bytes.length > this.#most) return false
    if (guarded && this.#guards.size >= MOST_GUARDED) return false
    this.#length++
    this.#bytes += bytes.length
    if (this.#log === undefined) this.#early.push({ bytes, item, guarded })
    else this.#append(this.#log, bytes, item, guarded)
    return true
  }

  /** The next items: `count` at most, and no more once they have `bytes`. Called again only when it has settled. Never rejects. */
  async take(count: number, bytes: number): Promise<Spilled<T>[]> {
    await this.#opening
    const log = this.#log
    if (log === undefined) return []
    const taken: Spilled<T>[] = []
    try {
      await this.#read(log, taken, count, bytes)
      if (taken.length === 0) return taken
      log.append(takenUpTo(this.#next - 1))
      await log.sync()
      await log.dropBefore(this.#next)
      return taken
    } catch (error) {
      this.#unread(taken, error as MeshError)
      return taken.filter(({ item }) => item !== undefined)
    }
  }

  async #read(log: SegmentLog, taken: Spilled<T>[], count: number, bytes: number): Promise<void> {
    let size = 0
    while (taken.length < count && size < bytes && this.#next <= log.last) {
      this.#reader ??= log.read(this.#next)
      const { done, value } = await this.#reader.next()
      if (done) {
        this.#reader = undefined
        continue
      }
      const [index, record] = value
      this.#next = index + 1
      if (record[0] === Mark.taken) continue
      const item = this.#guards.get(index)
      this.#guards.delete(index)
      if (record[0] === Mark.guarded && item === undefined) continue
      taken.push({ bytes: record.subarray(1), item })
      size += record.length - 1
      this.#length--
      this.#bytes = Math.max(0, this.#bytes - record.length + 1)
    }
  }

  /**
   * The disk does not read, or does not write any more. Nothing else is handed out in this life: what is nobody else's is
   * left for the next one, but for what was read and may not be handed out now.
   */
  #unread(taken: readonly Spilled<T>[], error: MeshError): void {
    this.#broken = error
    this.#length = this.#bytes = 0
    const own = taken.filter(({ item }) => item === undefined).map(({ bytes }) => bytes)
    if (own.length > 0) this.#host.lost(own, error)
    for (const item of this.abandon()) this.#host.failed(item, error)
    this.#host.broken(error)
  }

  /** Guarded items, which nobody will hand out: for whoever closes the queue. */
  abandon(): T[] {
    const guarded = [...this.#guards.values(), ...this.#early.filter((one) => one.guarded).map(({ item }) => item)]
    this.#guards.clear()
    return guarded
  }

  /** Lets go of whatever waits: nobody will read on. */
  async discard(): Promise<void> {
    await this.#opening
    const log = this.#log
    if (log === undefined || this.#length === 0) return
    log.append(takenUpTo(log.last))
    await log.sync()
    await log.dropBefore(log.last)
    this.#length = this.#bytes = 0
  }

  /** Resolves once all that was pushed is on disk, and the folder let go of with what is left in it. */
  close(): Promise<void> {
    this.#ended ??= this.#close()
    return this.#ended
  }

  async #close(): Promise<void> {
    this.#closed = true
    await this.#opening
    await this.#log?.close()
  }

  async #open(disk: Disk, report: StorageReport): Promise<void> {
    try {
      const left: { index: number; bytes: number }[] = []
      let handedOut = 0
      const log = await openLog(disk, {
        segmentBytes: SEGMENT_BYTES,
        report,
        visit: ({ index, payload }) => {
          if (payload[0] === Mark.own) left.push({ index, bytes: payload.length - 1 })
          if (payload[0] !== Mark.taken) return
          const upTo = Number(payload.readBigUInt64LE(1))
          while (handedOut < left.length && left[handedOut]!.index <= upTo) handedOut++
        }
      })
      left.splice(0, handedOut)
      this.#next = left[0]?.index ?? log.last + 1
      this.#length += left.length
      this.#bytes += left.reduce((sum, { bytes }) => sum + bytes, 0)
      this.#log = log
      this.#opening = undefined
      for (const { bytes, item, guarded } of this.#early.splice(0)) this.#append(log, bytes, item, guarded)
      this.#host.opened(left.length)
    } catch (error) {
      this.#broken = error as MeshError
      this.#opening = undefined
      const early = this.#early.splice(0)
      this.#length = this.#bytes = 0
      for (const { item } of early) this.#host.failed(item, this.#broken)
      this.#host.broken(this.#broken)
    }
  }

  #append(log: SegmentLog, bytes: Uint8Array, item: T, guarded: boolean): void {
    const record = Buffer.allocUnsafe(bytes.length + 1)
    record[0] = guarded ? Mark.guarded : Mark.own
    record.set(bytes, 1)
    const index = log.append(record)
    if (guarded) this.#guards.set(index, item)
    this.#pending.push({ index, item, bytes: bytes.length })
    if (!this.#flushing) void this.#flush(log)
  }

  async #flush(log: SegmentLog): Promise<void> {
    this.#flushing = true
    while (this.#pending.length > 0) {
      const pending = this.#pending
      this.#pending = []
      try {
        await log.sync()
        for (const { item } of pending) this.#host.stored(item)
      } catch (error) {
        // None of them is in the log, nor what was appended while they were on their way.
        for (const { index, item, bytes } of [...pending, ...this.#pending.splice(0)]) {
          this.#guards.delete(index)
          this.#length--
          this.#bytes -= bytes
          this.#host.failed(item, error as MeshError)
        }
      }
    }
    this.#flushing = false
  }
}

function takenUpTo(index: number): Uint8Array {
  const record = Buffer.alloc(TAKEN_BYTES)
  record[0] = Mark.taken
  record.writeBigUInt64LE(BigInt(index), 1)
  return record
}
