import { MeshError } from '../errors.ts'
import { isBytes, Kind, MAX_WIRE_DEPTH, TAG_NAMES } from './kinds.ts'

/**
 * Tagged forms: how a format carries a kind of value that it has no own form for. Each is an object with one key:
 *
 *     {"$bytes": base64}  {"$bigint": "-0xff"}  {"$date": ISO 8601}  {"$map": [[key, value], …]}  {"$set": [value, …]}
 *     {"$undefined": true}  {"$number": "NaN" | "Infinity" | "-Infinity" | "-0"}  {"$object": [[key, value], …]}
 *
 * A real object of one such key gets one more `$` in front of it, and the reader takes one away: `{"$set": 1}` travels
 * as `{"$$set": 1}`. Any other key, `$ref` for one, is nothing special.
 */

type Tag = (typeof TAG_NAMES)[number]
const ESCAPED = new RegExp(`^\\$+(${TAG_NAMES.join('|')})$`)

/** A copy of `value` in which the kinds in `kinds` are in their tagged form. `value` must have passed `survey`. */
export function lift(value: unknown, kinds: number): unknown {
  switch (typeof value) {
    case 'number': {
      const odd = Object.is(value, -0) ? kinds & Kind.minusZero : Number.isFinite(value) ? 0 : kinds & Kind.notFinite
      return odd ? { $number: Object.is(value, -0) ? '-0' : String(value) } : value
    }
    case 'bigint':
      return kinds & Kind.bigint ? { $bigint: hex(value) } : value
    case 'undefined':
      return kinds & Kind.undefined ? { $undefined: true } : value
    case 'object':
      return value === null ? null : liftObject(value, kinds)
    default:
      return value
  }
}

function liftObject(value: object, kinds: number): unknown {
  if (Array.isArray(value)) return value.map((item) => lift(item, kinds))
  if (isBytes(value)) return kinds & Kind.bytes ? { $bytes: base64(value) } : value
  if (value instanceof Date) return kinds & Kind.date ? { $date: value.toISOString() } : value
  if (value instanceof Map) return { $map: Array.from(value, ([key, item]) => [lift(key, kinds), lift(item, kinds)]) }
  if (value instanceof Set) return { $set: Array.from(value, (item) => lift(item, kinds)) }
  const entries = Object.entries(value).map(([key, item]) => [key, lift(item, kinds)] as const)
  if (kinds & Kind.protoKey && entries.some(([key]) => key === '__proto__')) return { $object: entries }
  const [first] = entries
  if (entries.length === 1 && ESCAPED.test(first![0])) return { [`$${first![0]}`]: first![1] }
  return Object.fromEntries(entries)
}

/**
 * The opposite of `lift`, in place: `value` must be fresh from a decoder. Throws `ERR_MALFORMED` for a tag with
 * something else in it, and past `MAX_WIRE_DEPTH` levels.
 */
export function lower(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_WIRE_DEPTH) throw malformed(`more than ${MAX_WIRE_DEPTH} levels`)
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = lower(value[i], depth + 1)
    return value
  }
  if (isBytes(value) || value instanceof Date) return value
  return lowerMembers(value as Record<string, unknown>, depth)
}

function lowerMembers(value: Record<string, unknown>, depth: number): unknown {
  const keys = Object.keys(value)
  for (const key of keys) {
    const before = value[key]
    const after = lower(before, depth + 1)
    // an own member, even where it is named __proto__: JSON.parse makes it one
    if (after !== before) value[key] = after
  }
  const only = keys[0]
  if (keys.length !== 1 || only!.charCodeAt(0) !== 0x24 || !ESCAPED.test(only!)) return value
  if (only!.charCodeAt(1) === 0x24) return { [only!.slice(1)]: value[only!] }
  return READERS[only!.slice(1) as Tag](value[only!])
}

const NUMBERS: Record<string, number> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity, '-0': -0 }

const READERS: Record<Tag, (body: unknown) => unknown> = {
  undefined: (body) => (body === true ? undefined : fail('undefined')),
  bigint: (body) => (typeof body === 'string' && /^-?0x[0-9a-f]+$/.test(body) ? fromHex(body) : fail('bigint')),
  date(body) {
    const date = new Date(typeof body === 'string' ? body : NaN)
    return !Number.isNaN(date.getTime()) && date.toISOString() === body ? date : fail('date')
  },
  bytes: (body) => (typeof body === 'string' ? fromBase64(body) : undefined) ?? fail('bytes'),
  map: (body) => new Map(pairs('map', body)),
  set: (body) => (Array.isArray(body) ? new Set(body) : fail('set')),
  number: (body) => (typeof body === 'string' && Object.hasOwn(NUMBERS, body) ? NUMBERS[body] : fail('number')),
  object(body) {
    const entries = pairs('object', body)
    return entries.every(([key]) => typeof key === 'string') ? Object.fromEntries(entries) : fail('object')
  }
}

function pairs(tag: Tag, body: unknown): [unknown, unknown][] {
  if (Array.isArray(body) && body.every((pair) => Array.isArray(pair) && pair.length === 2)) return body
  return fail(tag)
}

function fail(tag: Tag): never {
  throw malformed(`a $${tag} that is none`)
}

/** Throws `ERR_MALFORMED` for JSON that nests deeper than any decoder may return. */
export function checkDepth(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > MAX_WIRE_DEPTH) throw malformed(`more than ${MAX_WIRE_DEPTH} levels`)
  for (const part of Array.isArray(value) ? value : Object.values(value)) checkDepth(part, depth + 1)
}

function malformed(what: string): MeshError {
  return new MeshError('ERR_MALFORMED', `the data has ${what}`)
}

/** Hexadecimal, because reading decimal digits takes more than linear time: no gift to a hostile peer. */
function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`
}

function fromHex(text: string): bigint {
  return text[0] === '-' ? -BigInt(text.slice(1)) : BigInt(text)
}

/** RFC 4648 §4, padded. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Undefined for what is not exactly what `base64` writes. */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : undefined
}
