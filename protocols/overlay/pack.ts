import { Packr } from 'msgpackr'
import { MeshError } from '../errors.ts'
import { checkBounds } from './bounds.ts'

/** Plain MessagePack: no extension of msgpackr's own, so that any other implementation reads it. */
const packr = new Packr({
  useRecords: false,
  encodeUndefinedAsNil: true,
  copyBuffers: true,
  int64AsType: 'auto'
} as object)

/** Bytes of the caller's own: msgpackr's output is a view of a pool. */
export function pack(value: unknown): Uint8Array {
  return Uint8Array.from(packr.pack(value))
}

/** Throws `ERR_MALFORMED`. */
export function unpack(bytes: Uint8Array): unknown {
  checkBounds(bytes)
  try {
    // msgpackr leaves a property on the array it reads: on a view of ours, not on the caller's array.
    return packr.unpack(bytes.subarray())
  } catch (cause) {
    throw new MeshError('ERR_MALFORMED', 'overlay frame: not MessagePack', { cause })
  }
}
