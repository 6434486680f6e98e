import { isUtf8 } from 'node:buffer'
import { MeshError } from '../errors.ts'
import { MAX_WIRE_DEPTH } from './kinds.ts'

/**
 * Reads MessagePack without building anything, and refuses what `msgpackr` must not see: text that is no UTF-8,
 * lengths beyond the input, trailing bytes, deep nesting, keys that are no text or would change (`__proto__`), and
 * every extension but the three of this protocol, of which msgpackr has a dozen (records that compile code, references
 * that build cycles, regular expressions, errors).
 */

const EXT_UNDEFINED = 0x00
const EXT_BIGINT = 0x42
const EXT_TIMESTAMP = 0xff
/** Below this many bytes a loop is faster than a call. Measured. */
const SHORT_TEXT = 48
/** The last second that a JavaScript Date holds, either side of 1970. */
const MAX_SECONDS = 8_640_000_000_000n

let source: Uint8Array
let position: number
let end: number
let tagged: boolean

/**
 * Throws `ERR_MALFORMED` unless `bytes[from, to)` is exactly one value. True where a map of one key starting with `$`
 * was met, which may be a tagged form.
 */
export function scan(bytes: Uint8Array, from: number, to: number): boolean {
  source = bytes
  position = from
  end = to
  tagged = false
  skip(0)
  if (position !== end) throw malformed('trailing bytes')
  return tagged
}

/** Bytes after the tokens 0xc0 to 0xd3 whose size is fixed; -1 for the others. */
const FIXED = [0, -1, 0, 0, -1, -1, -1, -1, -1, -1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8]

function skip(depth: number): void {
  const token = take()
  if (token < 0x80 || token >= 0xe0) return
  if (token < 0x90) skipMap(token & 0x0f, depth)
  else if (token < 0xa0) skipArray(token & 0x0f, depth)
  else if (token < 0xc0) skipText(token & 0x1f)
  else if (token < 0xd4 && FIXED[token - 0xc0]! >= 0) advance(FIXED[token - 0xc0]!)
  else skipSized(token, depth)
}

function skipSized(token: number, depth: number): void {
  if (token >= 0xde) skipMap(length(2 << (token - 0xde)), depth)
  else if (token >= 0xdc) skipArray(length(2 << (token - 0xdc)), depth)
  else if (token >= 0xd9) skipText(length(1 << (token - 0xd9)))
  else if (token >= 0xd4) skipExtension(1 << (token - 0xd4))
  else if (token >= 0xc7) skipExtension(length(1 << (token - 0xc7)))
  else if (token >= 0xc4) advance(length(1 << (token - 0xc4)))
  else throw malformed('the token 0xc1')
}

function take(): number {
  if (position >= end) throw malformed('its end too early')
  return source[position++]!
}

function advance(count: number): void {
  position += count
  if (position > end) throw malformed('its end too early')
}

/** A big-endian length of 1, 2 or 4 bytes. */
function length(size: number): number {
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + take()
  return value
}

function skipArray(count: number, depth: number): void {
  if (depth >= MAX_WIRE_DEPTH) throw malformed(`more than ${MAX_WIRE_DEPTH} levels`)
  if (count > end - position) throw malformed('its end too early')
  for (let i = 0; i < count; i++) skip(depth + 1)
}

function skipMap(count: number, depth: number): void {
  if (depth >= MAX_WIRE_DEPTH) throw malformed(`more than ${MAX_WIRE_DEPTH} levels`)
  if (count > end - position) throw malformed('its end too early')
  for (let i = 0; i < count; i++) {
    skipKey(count)
    skip(depth + 1)
  }
}

function skipKey(count: number): void {
  const token = take()
  let size: number
  if (token >= 0xa0 && token < 0xc0) size = token & 0x1f
  else if (token >= 0xd9 && token <= 0xdb) size = length(1 << (token - 0xd9))
  else throw malformed('a key that is no text')
  const start = position
  skipText(size)
  if (count === 1 && size > 0 && source[start] === 0x24) tagged = true
  if (size === 9 && source[start] === 0x5f && isProto(start)) throw malformed('the key __proto__')
}

const PROTO = new TextEncoder().encode('__proto__')

function isProto(start: number): boolean {
  for (let i = 0; i < PROTO.length; i++) if (source[start + i] !== PROTO[i]) return false
  return true
}

function skipText(size: number): void {
  const start = position
  advance(size)
  if (size < SHORT_TEXT) {
    let high = 0
    for (let i = start; i < position; i++) high |= source[i]!
    if (high < 0x80) return
  }
  if (!isUtf8(source.subarray(start, position))) throw malformed('text that is no UTF-8')
}

function skipExtension(size: number): void {
  const type = take()
  const start = position
  advance(size)
  if (type === EXT_TIMESTAMP) checkTimestamp(start, size)
  else if (type === EXT_BIGINT ? size === 0 : type !== EXT_UNDEFINED || size !== 1 || source[start] !== 0) {
    throw malformed(`the extension ${type} of ${size} bytes`)
  }
}

function checkTimestamp(start: number, size: number): void {
  if (size === 4) return
  if (size !== 8 && size !== 12) throw malformed('a timestamp that is none')
  const view = new DataView(source.buffer, source.byteOffset + start, size)
  const nanoseconds = size === 8 ? view.getUint32(0) >>> 2 : view.getUint32(0)
  if (nanoseconds >= 1e9) throw malformed('a timestamp that is none')
  if (size === 8) return
  const seconds = view.getBigInt64(4)
  const past = seconds > MAX_SECONDS || seconds < -MAX_SECONDS || (seconds === MAX_SECONDS && nanoseconds > 0)
  if (past) throw malformed('a timestamp beyond what a Date holds')
}

function malformed(what: string): MeshError {
  return new MeshError('ERR_MALFORMED', `the MessagePack has ${what}`, { details: { position } })
}
