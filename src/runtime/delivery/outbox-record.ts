import { encodeBehind, type StandaloneDecoder } from '../../../protocols/envelope/standalone.ts'
import { Cursor, MAX_VARINT, writeText, writeVarint } from '../../../protocols/envelope/varint.ts'
import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { Draft } from './composer.ts'

/** What is noted of a stored message beside itself. */
export interface Progress {
  /** Wall-clock ms at which it was accepted. */
  accepted: number
  attempts: number
  spared: number
  /** The host that it was sent to last, and its number there; undefined and 0 before that. */
  peer: string | undefined
  number: number
  /** The digest of what it says, where its sender named it; else empty. */
  content: string
  /** The group by which its receivers know what others have handled; else empty. */
  coordinated: string
}

export interface StoredMessage extends Progress {
  message: WireMessage
}

const VERSION = 1
/** With the group between content and message. */
const COORDINATED = 2

/** What stands before a message, until it is copied. Grows with the longest. Nothing awaits while it is in use. */
let head = Buffer.allocUnsafeSlow(1_024)

/**
 * version(1) accepted attempts spared number peer-length peer content-length content, then the message with its header spelled
 * out; version 2 has group-length group before it.
 */
export function encodeRecord(
  { accepted, attempts, spared, peer = '', number, content, coordinated }: Progress,
  draft: Draft
): Uint8Array {
  const bound = 1 + 7 * MAX_VARINT + (peer.length + coordinated.length) * 3 + content.length
  if (bound > head.length) head = Buffer.allocUnsafeSlow(2 * bound)
  head[0] = coordinated === '' ? VERSION : COORDINATED
  let at = writeVarint(head, 1, accepted)
  at = writeVarint(head, at, attempts)
  at = writeVarint(head, at, spared)
  at = writeVarint(head, at, number)
  at = writeText(head, at, peer)
  at = writeVarint(head, at, content.length)
  if (content !== '') at += head.write(content, at, 'latin1')
  if (coordinated !== '') at = writeText(head, at, coordinated)
  return encodeBehind(head, at, draft)
}

/** Throws `ERR_CORRUPT`, `ERR_MALFORMED`. */
export function decodeRecord(bytes: Uint8Array, decoder: StandaloneDecoder): StoredMessage {
  const version = bytes[0]
  if (version !== VERSION && version !== COORDINATED)
    throw new MeshError('ERR_CORRUPT', `a record of version ${version}`)
  const cursor = new Cursor().open(bytes)
  cursor.position = 1
  const accepted = cursor.varint()
  const attempts = cursor.varint()
  const spared = cursor.varint()
  const number = cursor.varint()
  const peer = Buffer.from(cursor.take(cursor.varint())).toString('utf8') || undefined
  const content = Buffer.from(cursor.take(cursor.varint())).toString('latin1')
  const coordinated = version === VERSION ? '' : Buffer.from(cursor.take(cursor.varint())).toString('utf8')
  const message = decoder.decode(bytes.subarray(cursor.position))
  return { accepted, attempts, spared, peer, number, content, coordinated, message }
}
