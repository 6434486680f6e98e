import { MeshError } from '../../../protocols/errors.ts'
import type { Disk, DiskFile } from '../ports.ts'
import { storageError } from './failure.ts'
import { FORMAT, HEADER_BYTES, readSegmentHeader, segmentHeader } from './record.ts'

const NAME = /^(\d{12})\.log$/
const NEW = '.new'
/** Bytes between two marks: as many are read in vain at most. A guess: 16 bytes of memory for each. */
const MARK_BYTES = 131_072

/** One file of a log. Its number says where it stands among the others and is never used again. */
export class Segment {
  readonly number: number
  readonly name: string
  /**
   * Index of its first record. All before it had been synced when the segment got its name: what an older segment holds
   * from this index on was never promised, and counts for nothing. 0 where the header is damaged
   * and no record was found yet.
   */
  first: number
  readonly file: DiskFile
  /** Bytes up to the end of its last record. */
  end: number
  readonly #marks: { readonly index: number; readonly offset: number }[] = []
  #readers = 0
  #retired = false

  constructor(number: number, first: number, file: DiskFile, end: number) {
    this.number = number
    this.name = nameOf(number)
    this.first = first
    this.file = file
    this.end = end
  }

  get isEmpty(): boolean {
    return this.end <= HEADER_BYTES
  }

  async read(at: number, length: number): Promise<Buffer> {
    const release = this.hold()
    try {
      const bytes = await this.file.read(at, length)
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    } catch (cause) {
      throw storageError(`${this.name} cannot be read`, cause)
    } finally {
      release()
    }
  }

  /** Whoever reads holds it, so that a segment that is retired meanwhile is read to the end. Returns the way to let go. */
  hold(): () => void {
    this.#readers++
    return () => {
      this.#readers--
      void this.#closeIfDone()
    }
  }

  /** Nobody begins to read it any more: its file is closed once the last reader is done. */
  retire(): Promise<void> {
    this.#retired = true
    return this.#closeIfDone()
  }

  /** Remembers where a record begins, so that whoever reads from its index on need not begin at the beginning. */
  mark(index: number, offset: number): void {
    if (offset - (this.#marks.at(-1)?.offset ?? 0) >= MARK_BYTES) this.#marks.push({ index, offset })
  }

  /** A record's beginning, none of whose predecessors has the index or a higher one. */
  before(index: number): number {
    return this.#marks.findLast((mark) => mark.index <= index)?.offset ?? HEADER_BYTES
  }

  async #closeIfDone(): Promise<void> {
    if (!this.#retired || this.#readers > 0) return
    this.#retired = false
    await this.file.close().catch(() => {})
  }
}

/**
 * Makes a segment that holds the records given, all or nothing: it is synced under another name first. `bytes` are
 * whole records, the first of index `first`.
 */
export async function createSegment(disk: Disk, number: number, first: number, bytes: Uint8Array): Promise<Segment> {
  const name = nameOf(number)
  const file = await disk.open(name + NEW)
  try {
    await file.write(Buffer.concat([segmentHeader(first), bytes]), 0)
    await file.sync()
    await disk.rename(name + NEW, name)
    await disk.sync()
  } catch (error) {
    await file.close().catch(() => {})
    // A disk that is full must not fill up with what could not be finished.
    await disk.remove(name + NEW).catch(() => {})
    throw error
  }
  return new Segment(number, first, file, HEADER_BYTES + bytes.length)
}

/** Opens what is there, in its order, into `segments`; what a crash left unfinished is removed. */
export async function openSegments(disk: Disk, segments: Segment[]): Promise<void> {
  const names = await disk.list()
  for (const name of names) if (name.endsWith(NEW)) await disk.remove(name)
  for (const name of names.sort()) {
    const number = Number(NAME.exec(name)?.[1] ?? Number.NaN)
    if (Number.isNaN(number)) continue
    const file = await disk.open(name)
    const segment = new Segment(number, 0, file, file.size)
    segments.push(segment)
    const header = readSegmentHeader(await segment.read(0, HEADER_BYTES))
    if (header !== undefined && header.format > FORMAT) {
      const message = `${name} was written by a newer version (format ${header.format}, this one reads up to ${FORMAT})`
      throw new MeshError('ERR_STORAGE', message, { details: { key: 'dataDir', reason: 'format', file: name } })
    }
    segment.first = header?.first ?? 0
  }
}

function nameOf(number: number): string {
  return `${String(number).padStart(12, '0')}.log`
}
