import { pack } from '../envelope/messagepack.ts'
import { type Cursor, MAX_VARINT, writeVarint } from '../envelope/varint.ts'
import { MeshError, type RemoteErrorShape } from '../errors.ts'
import { arrayToShape, shapeToArray, unpackArray } from '../point-to-point/codec.ts'

export function encodeFail(call: number, error: RemoteErrorShape): Uint8Array {
  return pack([call, ...shapeToArray(error)])
}

export function decodeFail(body: Uint8Array): { call: number; error: RemoteErrorShape } {
  const [call, ...shape] = unpackArray(body, 6)
  if (!Number.isSafeInteger(call)) throw new MeshError('ERR_MALFORMED', 'a failure without a call')
  return { call: call as number, error: arrayToShape(shape) }
}

export interface More {
  call: number
  parts: number
  bytes: number
}

export function encodeMore({ call, parts, bytes }: More): Uint8Array {
  const out = Buffer.allocUnsafe(3 * MAX_VARINT)
  return out.subarray(0, writeVarint(out, writeVarint(out, writeVarint(out, 0, call), parts), bytes))
}

export function decodeMore(cursor: Cursor): More {
  return { call: cursor.varint(), parts: cursor.varint(), bytes: cursor.varint() }
}
