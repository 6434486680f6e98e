import { MeshError } from '../../../protocols/errors.ts'
import type { Disk, DiskFile } from '../ports.ts'
import { storageError } from './failure.ts'
import { FORMAT, HEADER_BYTES, readSegmentHeader, segmentHeader } from './record.ts'

const NAME = /^(\d{12})\.log$/
const NEW = '.new'

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
  #readers = 0
  #retired = false

  constructor(number: number, first: number, file: DiskFile, end: number) {
    this.number = number
    this.name = nameOf(number)
    this.first = first
    this.file = file
    this.end = end
  }

  /** Also what a reader asked for before the segment was retired is read to the end. */
  async read(at: number, length: number): Promise<Buffer> {
    this.#readers++
    try {
      const bytes = await this.file.read(at, length)
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    } catch (cause) {
      throw storageError(`${this.name} cannot be read`, cause)
    } finally {
      this.#readers--
      await this.#closeIfDone()
    }
  }

  /** Nobody asks for it any more: its file is closed once the last reader is done. */
  async retire(): Promise<void> {
    this.#retired = true
    await this.#closeIfDone()
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
    throw error
  }
  return new Segment(number, first, file, HEADER_BYTES + bytes.length)
}

/** Opens what is there, in its order; what a crash left unfinished is removed. */
export async function openSegments(disk: Disk): Promise<Segment[]> {
  const names = await disk.list()
  for (const name of names) if (name.endsWith(NEW)) await disk.remove(name)
  const segments: Segment[] = []
  for (const name of names.sort()) {
    const number = Number(NAME.exec(name)?.[1] ?? Number.NaN)
    if (Number.isNaN(number)) continue
    const file = await disk.open(name)
    const header = readSegmentHeader(Buffer.from(await file.read(0, HEADER_BYTES)))
    if (header !== undefined && header.format > FORMAT) {
      const message = `${name} was written by a newer version (format ${header.format}, this one reads up to ${FORMAT})`
      throw new MeshError('ERR_STORAGE', message, { details: { key: 'dataDir', reason: 'format', file: name } })
    }
    segments.push(new Segment(number, header?.first ?? 0, file, file.size))
  }
  return segments
}

function nameOf(number: number): string {
  return `${String(number).padStart(12, '0')}.log`
}
