import { eachChange } from './batch.ts'
import type { Directory } from './directory.ts'
import { readValues } from './reading.ts'
import { HEADER_BYTES } from './record.ts'
import { scan } from './scan.ts'
import type { Segment } from './segment.ts'
import type { SegmentLog } from './segment-log.ts'
import type { Change } from './types.ts'

/** Bytes of what is copied into one record: to read one of its values is to read it all. A guess. */
const COPY_BYTES = 4_096
/** Keys that are copied at once, out of so many in all: found in 0.1 ms. Guesses. */
const FEW_KEYS = 64
const MOST_LOOKED_THROUGH = 8_192
/** And their share of a segment, at most. A guess: what a scan reads at a time of one as large as by default. */
const FEW_SHARE = 16
/** Segments that restarts leave half empty, beside those that the store needs. A guess. */
const SPARE_SEGMENTS = 16

/** What compaction asks of the store. */
export interface Compacted {
  readonly log: SegmentLog
  readonly directory: Directory
  /** Whether a newer value of the key is on its way to disk. */
  isPending(key: string): boolean
  /** Writes values again as they are: nobody's write. */
  copy(changes: readonly Change[]): void
}

/**
 * Keeps the log in proportion to what it holds: values of the oldest segment that are still somebody's are written again
 * at the end, and the segment goes. It is always the oldest that goes, so a deletion never outlives what it deletes: by
 * the time its segment is the oldest, nothing is left that could bring the key back. A crash at any moment leaves the
 * value in the old segment, or in both.
 */
export class Compaction {
  readonly #store: Compacted
  #running: Promise<void> | undefined
  #stopped = false

  constructor(store: Compacted) {
    this.#store = store
  }

  /** Begins in the background where it is due. What fails is tried again when the next write has succeeded. */
  consider(): void {
    if (this.#running !== undefined || this.#stopped || !this.#isDue()) return
    this.#running = this.#run()
      .catch(() => {})
      .finally(() => {
        this.#running = undefined
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  /** Due when more than half is outdated, two segments' worth of it at least, or when nothing of the oldest is needed. */
  #isDue(): boolean {
    const { log, directory } = this.#store
    const { segments, segmentBytes } = log
    if (segments.length < 2) return false
    if (directory.keysIn(segments[0]!) === 0) return true
    return (
      log.bytes > 2 * (directory.bytes + segmentBytes) ||
      segments.length > SPARE_SEGMENTS + (2 * log.bytes) / segmentBytes
    )
  }

  async #run(): Promise<void> {
    const { log, directory } = this.#store
    while (!this.#stopped && this.#isDue()) {
      const oldest = log.segments[0]!
      if (directory.keysIn(oldest) > 0 && !(await this.#copyFew(oldest))) await this.#copy(oldest)
      if (this.#stopped) return
      directory.forget(oldest)
      await log.dropOldest()
    }
  }

  /**
   * Of a segment that has outlived nearly all it held: the few that are left are asked for by name, since to look through
   * it all costs more than to write it did. Returns false where there are more, or one cannot be read: nothing was done.
   */
  async #copyFew(oldest: Segment): Promise<boolean> {
    const { log, directory } = this.#store
    if (directory.keysIn(oldest) > FEW_KEYS || directory.size > MOST_LOOKED_THROUGH) return false
    const keys = directory.in(oldest)
    const places = keys.map((key) => directory.find(key)!)
    if (places.reduce((sum, { size }) => sum + size, 0) > log.segmentBytes / FEW_SHARE) return false
    let values: Uint8Array[]
    try {
      values = await readValues(places)
    } catch {
      return false
    }
    const changes: Change[] = []
    for (const [i, key] of keys.entries()) {
      const { record, offset } = places[i]!
      if (this.#isCurrent(key, oldest, record, offset)) changes.push({ key, value: values[i] })
    }
    this.#store.copy(changes)
    await log.sync()
    return true
  }

  /** A chunk at a time, so that it takes a bounded share of each group. Keys in what is damaged stay where they are. */
  async #copy(oldest: Segment): Promise<void> {
    const { log } = this.#store
    const gaps: { offset: number; bytes: number }[] = []
    for await (const records of scan(oldest.file, HEADER_BYTES, (gap) => gaps.push(gap), oldest.end)) {
      let changes: Change[] = []
      let bytes = 0
      for (const { payload, offset: record } of records) {
        eachChange(payload, (key, offset, size) => {
          if (size === undefined || !this.#isCurrent(key, oldest, record, offset)) return
          changes.push({ key, value: payload.subarray(offset, offset + size) })
          bytes += size
        })
        if (bytes < COPY_BYTES) continue
        this.#store.copy(changes)
        changes = []
        bytes = 0
      }
      if (changes.length > 0) this.#store.copy(changes)
      // Also the newer values are on disk then for which keys were passed over.
      await log.sync()
      if (this.#stopped) return
    }
    for (const gap of gaps) await log.setAside(oldest, gap)
  }

  #isCurrent(key: string, segment: Segment, record: number, offset: number): boolean {
    return this.#store.directory.isAt(key, segment, record, offset) && !this.#store.isPending(key)
  }
}
