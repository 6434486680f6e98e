import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'
import { encodeBehind, type StandaloneDecoder } from '../../../protocols/envelope/standalone.ts'
import { Cursor, MAX_VARINT, writeVarint } from '../../../protocols/envelope/varint.ts'
import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { Draft } from './composer.ts'

/** What is noted of a dead letter beside the message. */
export interface LetterHead {
  id: string
  agent: string
  code: string
  reason: string
  attempts: number
  /** Wall-clock ms at which it was given up. */
  at: number
  /** The host whose number it keeps, and the number; `''` and 0 where it has none. */
  peer: string
  number: number
  /** The group by which its receivers know what others have handled; left out where none. */
  coordinated?: string | undefined
  /** Where a stage could not process it: the pipeline's id, the stage, the item's number. */
  pipeline?: [id: string, stage: string, sequence: number] | undefined
}

const VERSION = 1

/** version(1) head-length head (MessagePack), then the message with its header spelled out. */
export function encodeLetter(head: LetterHead, draft: Draft): Uint8Array {
  const packed = pack(head)
  const out = Buffer.allocUnsafe(1 + MAX_VARINT + packed.length)
  out[0] = VERSION
  const at = writeVarint(out, 1, packed.length)
  out.set(packed, at)
  return encodeBehind(out, at + packed.length, draft)
}

/** Throws `ERR_CORRUPT`, `ERR_MALFORMED`. */
export function decodeLetter(
  bytes: Uint8Array,
  decoder: StandaloneDecoder
): { head: LetterHead; message: WireMessage } {
  if (bytes[0] !== VERSION) throw new MeshError('ERR_CORRUPT', `a letter of version ${bytes[0]}`)
  const cursor = new Cursor().open(bytes)
  cursor.position = 1
  const head = unpack(cursor.take(cursor.varint())) as LetterHead
  return { head, message: decoder.decode(bytes.subarray(cursor.position)) }
}
