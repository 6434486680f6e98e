import { MeshError } from '../errors.ts'
import type { OverlayRecord } from '../overlay/messages.ts'
import { decodeSignedRecord, type Verify, verifySignedRecord } from '../overlay/record.ts'
import { MAX_HOST_RECORD_LIFETIME } from './constants.ts'
import { hostKey } from './keys.ts'

/**
 * What a table may believe under `/phoenix-host/<peer>`: a record of that very peer, signed by it, good now and not for
 * ever. `now` is wall-clock ms. Throws `ERR_MALFORMED` (also where it is oversized) or `ERR_UNTRUSTED`.
 */
export async function readHostRecord(
  key: string,
  blob: Uint8Array,
  now: number,
  verify: Verify
): Promise<OverlayRecord> {
  const { record } = decodeSignedRecord(blob)
  // Cheap refusals first: a forger must not make us verify signatures for nothing.
  if (key !== hostKey(record.peer)) throw refused(key, `it is the record of ${record.peer}`)
  if (record.expires <= now) throw refused(key, 'it has expired')
  if (record.expires > now + MAX_HOST_RECORD_LIFETIME) throw refused(key, 'it would live too long')
  await verifySignedRecord(blob, verify)
  return record
}

/** The index of the newest: of two lives the later, of one life the record that expires later. Unreadable ones lose. */
export function newestHostRecord(blobs: readonly Uint8Array[]): number {
  let best = 0
  let newest: OverlayRecord | undefined
  blobs.forEach((blob, index) => {
    const record = tryRead(blob)
    if (record === undefined || (newest !== undefined && !isNewer(record, newest))) return
    best = index
    newest = record
  })
  return best
}

function isNewer(a: OverlayRecord, b: OverlayRecord): boolean {
  return a.incarnation === b.incarnation ? a.expires > b.expires : a.incarnation > b.incarnation
}

function tryRead(blob: Uint8Array): OverlayRecord | undefined {
  try {
    return decodeSignedRecord(blob).record
  } catch {
    return undefined
  }
}

function refused(key: string, why: string): MeshError {
  return new MeshError('ERR_UNTRUSTED', `Record under ${key} refused: ${why}`, { details: { key } })
}
