import type { Format } from '../envelope/message.ts'
import { pack, unpack } from '../envelope/messagepack.ts'
import { Cursor, MAX_VARINT, writeVarint } from '../envelope/varint.ts'
import { MeshError } from '../errors.ts'
import { MAX_FRAMING_BODY } from './constants.ts'

/** The first frame in each direction of a stream: what its sender is ready to take. */
export interface Hello {
  version: number
  /** Counted frames, and bytes of their bodies, that may be sent before the first credit frame. */
  frames: number
  bytes: number
  /** Bytes of kind and body that one frame may have. */
  maxFrame: number
  /** Data formats understood. Every node understands at least one of 'messagepack' and 'json'. */
  formats: Format[]
}

/** Limits counted from the start of the stream, so that a credit frame may be repeated or merged. */
export interface Credit {
  frames: number
  bytes: number
}

export function encodeHello(hello: Hello): Uint8Array {
  return pack(hello)
}

export function decodeHello(body: Uint8Array): Hello {
  if (body.length > MAX_FRAMING_BODY) throw new MeshError('ERR_MALFORMED', `a hello of ${body.length} bytes`)
  const hello = unpack(body) as Partial<Hello>
  for (const key of ['version', 'frames', 'bytes', 'maxFrame'] as const) {
    if (!Number.isSafeInteger(hello?.[key]) || hello[key]! < 0)
      throw new MeshError('ERR_MALFORMED', `a hello without ${key}`)
  }
  if (!Array.isArray(hello.formats)) throw new MeshError('ERR_MALFORMED', 'a hello without formats')
  return hello as Hello
}

export function encodeCredit(credit: Credit): Uint8Array {
  const out = new Uint8Array(2 * MAX_VARINT)
  return out.subarray(0, writeVarint(out, writeVarint(out, 0, credit.frames), credit.bytes))
}

export function decodeCredit(body: Uint8Array): Credit {
  const cursor = new Cursor().open(body)
  return { frames: cursor.varint(), bytes: cursor.varint() }
}
