import { Cursor, MAX_VARINT, writeVarint } from '../../../protocols/envelope/varint.ts'
import { DIGEST_BYTES } from './digest.ts'

/** What is remembered of a message that was named by its sender and has ended. */
export interface SentRecord {
  /** Digests, each character a byte: of who sent what name to whom, and of what was sent. */
  name: string
  content: string
  /** Wall-clock ms at which it ended. */
  at: number
  attempts: number
  peer: string
}

/** name(16) content(16) at attempts peer-length peer. */
export function encodeSent(records: readonly SentRecord[]): Uint8Array {
  const size = records.reduce((sum, { peer }) => sum + 2 * DIGEST_BYTES + 3 * MAX_VARINT + 3 * peer.length, 0)
  const out = Buffer.allocUnsafe(size)
  let at = 0
  for (const record of records) {
    at += out.write(record.name, at, 'latin1')
    at += out.write(record.content, at, 'latin1')
    at = writeVarint(out, at, record.at)
    at = writeVarint(out, at, record.attempts)
    at = writeVarint(out, at, Buffer.byteLength(record.peer))
    at += out.write(record.peer, at, 'utf8')
  }
  return out.subarray(0, at)
}

/** Throws `ERR_MALFORMED`. */
export function decodeSent(bytes: Uint8Array): SentRecord[] {
  const cursor = new Cursor().open(bytes)
  const text = (length: number, encoding: 'latin1' | 'utf8') => Buffer.from(cursor.take(length)).toString(encoding)
  const records: SentRecord[] = []
  while (cursor.position < bytes.length) {
    const name = text(DIGEST_BYTES, 'latin1')
    const content = text(DIGEST_BYTES, 'latin1')
    const at = cursor.varint()
    const attempts = cursor.varint()
    records.push({ name, content, at, attempts, peer: text(cursor.varint(), 'utf8') })
  }
  return records
}
