import type { DiskFile } from '../ports.ts'
import { announcedLength, HEADER_BYTES, indexAt, isIntact, RECORD_MARK, witnessAt } from './record.ts'

/** Bytes read at a time; a longer record is read whole. A guess: the cost of a read no longer shows. */
const CHUNK = 1_048_576

/** A record as a scan meets it. The payload is a view of what was read and belongs to whoever is handed it. */
export interface Found {
  readonly index: number
  readonly witness: number
  /** Where the record begins in its file. */
  readonly offset: number
  readonly payload: Buffer
}

/** Bytes between two intact records, or behind the last, that are none. */
export interface Gap {
  readonly offset: number
  readonly bytes: number
}

/**
 * Walks over the records of a file from `from` on, in chunks, and over whatever is damaged between them: each chunk's
 * intact records as one list. Bytes that are no record are told of by `gap` once the next intact record, or the end of
 * the file, is found. What is found behind damage may be the payload of a damaged record that looks like a record: it
 * is none where its index is not higher than the one before, or higher than the damaged bytes can account for.
 */
export async function* scan(
  file: DiskFile,
  from: number,
  gap: (gap: Gap) => void,
  to: number = file.size
): AsyncGenerator<Found[]> {
  let last = 0
  /** Where bytes began that are no record. */
  let lost: number | undefined
  for (let at = from; at < to; ) {
    let bytes = asBuffer(await file.read(at, Math.min(CHUNK, to - at)))
    let wanted = lengthAt(bytes, 0)
    if (wanted !== undefined && wanted > bytes.length && at + wanted <= to) {
      bytes = asBuffer(await file.read(at, wanted))
      wanted = lengthAt(bytes, 0)
    }
    const found: Found[] = []
    let used = 0
    const atEnd = at + bytes.length >= to
    while (used < bytes.length) {
      // What this chunk cuts in two begins the next one.
      if (used > 0 && bytes.length - used < HEADER_BYTES && !atEnd) break
      const length = lengthAt(bytes, used)
      const end = length === undefined ? undefined : used + length
      if (used > 0 && end !== undefined && end > bytes.length && at + end <= to) break
      const missing = lost === undefined ? 0 : at + used - lost
      if (end !== undefined && end <= bytes.length && isNext(bytes, used, end, last, missing)) {
        if (lost !== undefined) gap({ offset: lost, bytes: at + used - lost })
        lost = undefined
        last = indexAt(bytes, used)
        const payload = bytes.subarray(used + HEADER_BYTES, end)
        found.push({ index: last, witness: witnessAt(bytes, used), offset: at + used, payload })
        used = end
        continue
      }
      lost ??= at + used
      used = nextMark(bytes, used + 1, atEnd)
    }
    if (found.length > 0) yield found
    // A chunk that is cut short of what the file was said to hold: it ends here.
    if (used === 0) break
    at += used
  }
  if (lost !== undefined) gap({ offset: lost, bytes: to - lost })
}

/** Bytes of the record that seems to begin at `at`, its header included. */
function lengthAt(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < HEADER_BYTES) return undefined
  const length = announcedLength(bytes, at)
  return length === undefined ? undefined : HEADER_BYTES + length
}

function isNext(bytes: Buffer, at: number, end: number, last: number, missing: number): boolean {
  if (!isIntact(bytes, at, end - at - HEADER_BYTES)) return false
  const ahead = indexAt(bytes, at) - last
  return ahead > 0 && (last === 0 || ahead <= 1 + missing / HEADER_BYTES)
}

/** Where a record may begin next. A header cut in two by the chunk's end is looked at again with the next chunk. */
function nextMark(bytes: Buffer, from: number, atEnd: boolean): number {
  const mark = bytes.indexOf(RECORD_MARK, from)
  if (mark >= 0) return mark
  return atEnd ? bytes.length : Math.max(from, bytes.length - RECORD_MARK.length + 1)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
