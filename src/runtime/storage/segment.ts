import { MeshError } from '../../../protocols/errors.ts'
import type { Disk, DiskFile } from '../ports.ts'
import { FORMAT, HEADER_BYTES, readSegmentHeader, segmentHeader } from './record.ts'

const NAME = /^(\d{12})\.log$/
const NEW = '.new'

/** One file of a log. Its number says where it stands among the others and is never used again. */
export interface Segment {
  readonly number: number
  readonly name: string
  readonly file: DiskFile
  /**
   * Index of its first record. All before it had been synced when the segment got its name: what an older segment holds
   * from this index on was never promised, and counts for nothing.
   */
  readonly first: number
  /** Bytes up to the end of its last record. */
  end: number
}

/**
 * Makes a segment that holds the records given, all or nothing: it is synced under another name first. `bytes` are
 * whole records, the first of index `first`.
 */
export async function createSegment(disk: Disk, number: number, first: number, bytes: Uint8Array): Promise<Segment> {
  const name = `${String(number).padStart(12, '0')}.log`
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
  return { number, name, file, first, end: HEADER_BYTES + bytes.length }
}

/** Opens what is there, in its order; what a crash left unfinished is removed. `first` is 0 where the header is damaged. */
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
    segments.push({ number, name, file, first: header?.first ?? 0, end: file.size })
  }
  return segments
}
