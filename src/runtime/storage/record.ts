import { crc32 } from 'node:zlib'

/**
 * What stands in a segment file: its header, then records. All numbers are little-endian.
 *
 * segment: magic u32, checksum u32, format u32, zero u32, index of the first record f64
 * record:  magic u32, checksum u32, length u32, behind u32, index f64, payload
 *
 * A checksum is the CRC-32 of whatever follows it. The magic lets a scan find the next record behind damage.
 *
 * `behind` counts the records, this one included, that were not known to be on disk when this one was written, so that
 * `index - behind` is a witness: all up to there had been synced. A hole below a witness is damage to what was promised;
 * a hole above every witness is where a crash tore what nobody had been promised.
 */
export const FORMAT = 1
export const HEADER_BYTES = 24

const RECORD_MAGIC = 0xb7e3_9c5a
const SEGMENT_MAGIC = 0xb7e3_9c53

/** The magic as it stands in a file: what a scan looks for. */
export const RECORD_MARK = Buffer.alloc(4)
RECORD_MARK.writeUInt32LE(RECORD_MAGIC)

export function segmentHeader(first: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(SEGMENT_MAGIC, 0)
  header.writeUInt32LE(FORMAT, 8)
  header.writeDoubleLE(first, 16)
  header.writeUInt32LE(crc32(header.subarray(8)), 4)
  return header
}

/** Undefined where it is no intact header of a segment. */
export function readSegmentHeader(bytes: Buffer): { format: number; first: number } | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== SEGMENT_MAGIC) return undefined
  if (crc32(bytes.subarray(8, HEADER_BYTES)) !== bytes.readUInt32LE(4)) return undefined
  return { format: bytes.readUInt32LE(8), first: bytes.readDoubleLE(16) }
}

/** Writes the header of a record whose payload, up to `end`, stands behind it already. */
export function sealRecord(target: Buffer, at: number, index: number, behind: number, end: number): void {
  target.writeUInt32LE(RECORD_MAGIC, at)
  target.writeUInt32LE(end - at - HEADER_BYTES, at + 8)
  target.writeUInt32LE(Math.min(behind, 0xffff_ffff), at + 12)
  target.writeDoubleLE(index, at + 16)
  target.writeUInt32LE(crc32(target.subarray(at + 8, end)), at + 4)
}

/** Length of the payload that the header at `at` announces; undefined where no record begins. */
export function announcedLength(bytes: Buffer, at: number): number | undefined {
  return bytes.readUInt32LE(at) === RECORD_MAGIC ? bytes.readUInt32LE(at + 8) : undefined
}

/** Whether the record at `at`, all of which is in `bytes`, is what was written. */
export function isIntact(bytes: Buffer, at: number, length: number): boolean {
  return crc32(bytes.subarray(at + 8, at + HEADER_BYTES + length)) === bytes.readUInt32LE(at + 4)
}

export function indexAt(bytes: Buffer, at: number): number {
  return bytes.readDoubleLE(at + 16)
}

export function witnessAt(bytes: Buffer, at: number): number {
  return bytes.readDoubleLE(at + 16) - bytes.readUInt32LE(at + 12)
}
