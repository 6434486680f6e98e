import { MeshError } from '../errors.ts'
import {
  MAX_ADDRESS_BYTES,
  MAX_ADDRESSES,
  MAX_LABEL_BYTES,
  MAX_RECORD_BYTES,
  MAX_SIGNATURE_BYTES,
  RECORD_SIGNATURE_DOMAIN
} from './constants.ts'
import { fields } from './fields.ts'
import type { OverlayRecord, SignedRecord } from './messages.ts'
import { pack, unpack } from './pack.ts'

/** A record, the bytes of it that were signed, and the signature. */
export interface SealedRecord {
  record: OverlayRecord
  bytes: Uint8Array
  signature: Uint8Array
}

const DOMAIN = new TextEncoder().encode(RECORD_SIGNATURE_DOMAIN)

export function encodeRecord(record: OverlayRecord): Uint8Array {
  const { peer, name, region, zone, addresses, incarnation, expires } = record
  return pack([peer, name, region ?? null, zone ?? null, addresses, incarnation, expires])
}

/** Throws `ERR_MALFORMED`. */
export function decodeRecord(encoded: Uint8Array): OverlayRecord {
  const given = fields.tuple(unpack(encoded), 7, 'a member record')
  return {
    peer: fields.peerId(given[0]),
    name: fields.text(given[1], MAX_LABEL_BYTES, 'a name'),
    region: fields.optionalText(given[2], MAX_LABEL_BYTES, 'a region'),
    zone: fields.optionalText(given[3], MAX_LABEL_BYTES, 'a zone'),
    addresses: fields
      .list(given[4], MAX_ADDRESSES, 'addresses')
      .map((a) => fields.text(a, MAX_ADDRESS_BYTES, 'an address')),
    incarnation: fields.count(given[5], 'an incarnation'),
    expires: fields.count(given[6], 'an expiry')
  }
}

/** What the owner's key signs: the domain, then the record's bytes. */
export function signingInput(recordBytes: Uint8Array): Uint8Array {
  const input = new Uint8Array(DOMAIN.length + recordBytes.length)
  input.set(DOMAIN)
  input.set(recordBytes, DOMAIN.length)
  return input
}

/** The blob that members hand on and that a directory may store: `[record bytes, signature]`. */
export function encodeSignedRecord(recordBytes: Uint8Array, signature: Uint8Array): Uint8Array {
  return pack([recordBytes, signature])
}

/** Throws `ERR_MALFORMED`. Says nothing about who signed: see `verifySignedRecord`. */
export function decodeSignedRecord(blob: Uint8Array): SealedRecord {
  if (blob.byteLength > MAX_RECORD_BYTES + MAX_SIGNATURE_BYTES) throw new MeshError('ERR_MALFORMED', 'record too large')
  const given = fields.tuple(unpack(blob), 2, 'a signed record')
  const recordBytes = fields.bytes(given[0], MAX_RECORD_BYTES, 'record bytes')
  return {
    record: decodeRecord(recordBytes),
    bytes: recordBytes,
    signature: fields.bytes(given[1], MAX_SIGNATURE_BYTES, 'a signature')
  }
}

export type Sign = (input: Uint8Array) => Promise<Uint8Array>
export type Verify = (peer: string, input: Uint8Array, signature: Uint8Array) => Promise<boolean>

/**
 * @example
 * const signed = await signRecord(record, (input) => host.sign(input))
 * await store.put(`/phoenix-host/${record.peer}`, signed.blob)
 */
export async function signRecord(record: OverlayRecord, sign: Sign): Promise<SignedRecord> {
  const recordBytes = encodeRecord(record)
  decodeRecord(recordBytes)
  return { record, blob: encodeSignedRecord(recordBytes, await sign(signingInput(recordBytes))) }
}

/** Throws `ERR_MALFORMED`, or `ERR_UNTRUSTED` where the record's own PeerId did not sign it. */
export async function verifySignedRecord(blob: Uint8Array, verify: Verify): Promise<SignedRecord> {
  const sealed = decodeSignedRecord(blob)
  if (!(await verify(sealed.record.peer, signingInput(sealed.bytes), sealed.signature))) {
    throw new MeshError('ERR_UNTRUSTED', `record of ${sealed.record.peer} is not signed by it`)
  }
  return { record: sealed.record, blob }
}
