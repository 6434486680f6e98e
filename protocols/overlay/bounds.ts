import { MeshError } from '../errors.ts'
import { MAX_DEPTH } from './constants.ts'

/**
 * Walks a MessagePack text without building anything. A decoder makes an array as long as a header claims before it
 * has seen one element; after this walk, what a header claims is known to be there.
 * Throws `ERR_MALFORMED` for a truncated text, a trailing byte, nesting past `MAX_DEPTH`, or any extension but a timestamp.
 */
export function checkBounds(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = skip(view, 0, 0)
  if (end !== bytes.byteLength) throw malformed('bytes after the end')
}

const TIMESTAMP = -1

function skip(view: DataView, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw malformed('nested too deeply')
  const head = read(view, at, 1)
  const next = at + 1
  if (head < 0x80 || head >= 0xe0) return next
  if (head < 0x90) return skipMany(view, next, 2 * (head & 0x0f), depth)
  if (head < 0xa0) return skipMany(view, next, head & 0x0f, depth)
  if (head < 0xc0) return within(view, next + (head & 0x1f))
  return skipTagged(view, head, next, depth)
}

/** The formats 0xc0 to 0xdf, by their length field. */
function skipTagged(view: DataView, head: number, at: number, depth: number): number {
  if (head === 0xc1) throw malformed('reserved byte')
  if (head < 0xc4) return at
  if (head < 0xc7) return skipSized(view, at, 1 << (head - 0xc4), 0)
  if (head < 0xca) return skipSized(view, at, 1 << (head - 0xc7), 1)
  if (head < 0xd4) return within(view, at + [4, 8, 1, 2, 4, 8, 1, 2, 4, 8][head - 0xca]!)
  if (head < 0xd9) return skipExtension(view, at, 1 << (head - 0xd4))
  if (head < 0xdc) return skipSized(view, at, 1 << (head - 0xd9), 0)
  const width = head % 2 === 0 ? 2 : 4
  const count = read(view, at, width)
  return skipMany(view, at + width, head < 0xde ? count : 2 * count, depth)
}

function skipMany(view: DataView, at: number, count: number, depth: number): number {
  let cursor = at
  if (count > view.byteLength - at) throw malformed('a length past the end')
  for (let i = 0; i < count; i++) cursor = skip(view, cursor, depth + 1)
  return cursor
}

function skipSized(view: DataView, at: number, width: number, extension: 0 | 1): number {
  const length = read(view, at, width)
  return extension === 1 ? skipExtension(view, at + width, length) : within(view, at + width + length)
}

function skipExtension(view: DataView, at: number, length: number): number {
  within(view, at + 1)
  if (view.getInt8(at) !== TIMESTAMP) throw malformed('an extension')
  if (length !== 4 && length !== 8 && length !== 12) throw malformed('a timestamp of another size')
  return within(view, at + 1 + length)
}

function read(view: DataView, at: number, width: number): number {
  within(view, at + width)
  return width === 1 ? view.getUint8(at) : width === 2 ? view.getUint16(at) : view.getUint32(at)
}

function within(view: DataView, end: number): number {
  if (end > view.byteLength) throw malformed('truncated')
  return end
}

function malformed(what: string): MeshError {
  return new MeshError('ERR_MALFORMED', `overlay frame: ${what}`)
}
