import { MeshError } from '../errors.ts'
import * as json from './json.ts'
import { isBytes } from './kinds.ts'
import * as messagepack from './messagepack.ts'

/** How a link writes one `data` value. `'none'` is no bytes at all, for undefined. */
export type DataFormat = 'none' | 'bytes' | 'messagepack' | 'json'

/**
 * One value in a data format. The result of `'bytes'` is the value itself, not a copy.
 *
 * Throws `ERR_UNREPRESENTABLE` with `details.path`.
 *
 * @example
 * decodeData(encodeData({ at: new Date(), total: 12n }, 'messagepack'), 'messagepack')
 */
export function encodeData(value: unknown, format: DataFormat): Uint8Array {
  switch (format) {
    case 'messagepack':
      return messagepack.pack(value)
    case 'json':
      return json.stringify(value)
    case 'bytes':
      if (typeof value === 'object' && value !== null && isBytes(value)) return value
      throw notCarried(format, value)
    case 'none':
      if (value === undefined) return NOTHING
      throw notCarried(format, value)
  }
}

/**
 * `encodeData` straight into `target` from `at` on. Returns the position after the value, or -1 where `target` has no
 * room: then what lies past `at` is unspecified, and the caller makes room and calls again.
 *
 * Throws `ERR_UNREPRESENTABLE` with `details.path`; `target` is untouched then.
 */
export function encodeDataInto(value: unknown, format: DataFormat, target: Uint8Array, at: number): number {
  if (format === 'messagepack') return messagepack.packInto(value, target, at)
  const bytes = encodeData(value, format)
  if (at + bytes.length > target.length) return -1
  target.set(bytes, at)
  return at + bytes.length
}

/**
 * The value that `bytes` are, all of them. A Uint8Array in it is a view of `bytes`, because a copy costs more than all
 * the rest: a caller that writes to `bytes` again, or wants the chunk around them freed, hands in a copy.
 *
 * Throws `ERR_MALFORMED`.
 */
export function decodeData(bytes: Uint8Array, format: DataFormat): unknown {
  switch (format) {
    case 'messagepack':
      return messagepack.unpack(bytes)
    case 'json':
      return json.parse(bytes)
    case 'bytes':
      return Object.getPrototypeOf(bytes) === Uint8Array.prototype
        ? bytes
        : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    case 'none':
      if (bytes.length > 0) throw new MeshError('ERR_MALFORMED', `${bytes.length} bytes where there should be none`)
      return undefined
  }
}

const NOTHING = new Uint8Array(0)

function notCarried(format: DataFormat, value: unknown): MeshError {
  const message = `the format ${format} carries only ${format === 'bytes' ? 'a Uint8Array' : 'undefined'}, not this ${typeof value} at $`
  return new MeshError('ERR_UNREPRESENTABLE', message, { details: { path: '$', format } })
}
