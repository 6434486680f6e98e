import { MeshError } from '../errors.ts'

/**
 * Which values may be data, and which kinds of them a tree holds. Every encoder asks here first, so that no format
 * library ever meets a value that it would quietly change.
 *
 * Data is what the enumerable own string-keyed members say, as for JSON: prototypes, symbols, members that are not
 * enumerable and the named extras of an array are no part of it, an accessor counts for what it gives, and an object met
 * twice is sent twice.
 */

/** One bit a kind; `survey` returns their union. What has no bit is the same in every format. */
export const Kind = {
  undefined: 1,
  bigint: 2,
  date: 4,
  bytes: 8,
  map: 16,
  set: 32,
  notFinite: 64,
  minusZero: 128,
  /** A key that reads as a tag or as an escaped tag: see `tags.ts`. */
  tagLike: 256,
  /** An object with an own `__proto__`, which msgpackr renames. */
  protoKey: 512,
  /** Text that is no well-formed UTF-16, so that UTF-8 cannot hold it. */
  loneSurrogate: 1024,
  refused: 2048
} as const

/** Levels that data may nest. A guess: ten times what people write; cycles end here too. */
const MAX_DEPTH = 128
/** Levels that decoders accept: a Map takes three on the wire, an object with a key that needs care as well. */
export const MAX_WIRE_DEPTH = 3 * MAX_DEPTH + 2

/** The names of the tagged forms in `tags.ts`. */
export const TAG_NAMES = ['undefined', 'bigint', 'date', 'bytes', 'map', 'set', 'number', 'object'] as const
const TAG_LIKE = new RegExp(`^\\$+(${TAG_NAMES.join('|')})$`)

/** The kinds in `value`, or a union with `Kind.refused`: then `refuse` says where and why. Never throws. */
export function survey(value: unknown): number {
  try {
    return look(value, 0)
  } catch {
    // a getter or a proxy that throws, or an object that only claims to be a Date
    return Kind.refused
  }
}

function look(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? 0 : Kind.loneSurrogate
    case 'number':
      if (value === 0) return 1 / value < 0 ? Kind.minusZero : 0
      return value - value === 0 ? 0 : Kind.notFinite
    case 'boolean':
      return 0
    case 'object':
      return value === null ? 0 : lookInside(value, depth)
    case 'undefined':
      return Kind.undefined
    case 'bigint':
      return Kind.bigint
    default:
      return Kind.refused
  }
}

function lookInside(value: object, depth: number): number {
  if (depth >= MAX_DEPTH) return Kind.refused
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return lookMembers(value as Record<string, unknown>, depth)
  if (prototype === Array.prototype && Array.isArray(value)) return lookItems(value, depth)
  if (isBytes(value)) return Kind.bytes
  if (prototype === Date.prototype) return Number.isNaN((value as Date).getTime()) ? Kind.refused : Kind.date
  if (prototype === Map.prototype) return Kind.map | lookAll(flatten(value as Map<unknown, unknown>), depth)
  if (prototype === Set.prototype) return Kind.set | lookAll(value as Set<unknown>, depth)
  return Kind.refused
}

function lookMembers(value: Record<string, unknown>, depth: number): number {
  let kinds = 0
  // three times as fast as over Object.keys; an enumerable member of Object.prototype is looked at too, which is harmless
  for (const key in value) {
    const first = key.charCodeAt(0)
    if (first === 0x24 && TAG_LIKE.test(key)) kinds |= Kind.tagLike
    else if (first === 0x5f && key === '__proto__') kinds |= Kind.protoKey
    if (!key.isWellFormed()) kinds |= Kind.loneSurrogate
    kinds |= look(value[key], depth + 1)
    if (kinds & Kind.refused) return kinds
  }
  return kinds
}

function lookItems(value: readonly unknown[], depth: number): number {
  let kinds = 0
  for (let i = 0; i < value.length; i++) {
    const item = value[i]
    if (item === undefined && !(i in value)) return Kind.refused
    kinds |= look(item, depth + 1)
    if (kinds & Kind.refused) return kinds
  }
  return kinds
}

function lookAll(values: Iterable<unknown>, depth: number): number {
  let kinds = 0
  for (const value of values) {
    kinds |= look(value, depth + 1)
    if (kinds & Kind.refused) return kinds
  }
  return kinds
}

function* flatten(map: Map<unknown, unknown>): Iterable<unknown> {
  for (const [key, value] of map) {
    yield key
    yield value
  }
}

/** A Buffer is bytes; it arrives as a Uint8Array. Other views, whose element type would be lost, are refused. */
export function isBytes(value: object): value is Uint8Array {
  const prototype = Object.getPrototypeOf(value)
  return (prototype === Uint8Array.prototype || prototype === Buffer.prototype) && ArrayBuffer.isView(value)
}

/**
 * Throws `ERR_UNREPRESENTABLE` for the first part of `value` whose kind is in `kinds`; its `details.path` is a JSONPath
 * below `root`. The entries of a Map are `[n].key` and `[n].value`, those of a Set `[n]`.
 */
export function refuse(value: unknown, kinds: number, format: string, root = '$'): never {
  const { path, reason } = locate(value, kinds | Kind.refused, root)
  throw new MeshError('ERR_UNREPRESENTABLE', `${format} cannot carry ${reason} at ${path}`, {
    details: { path, format }
  })
}

interface Fault {
  path: string
  reason: string
}

function locate(value: unknown, kinds: number, root: string): Fault {
  return find(value, kinds, root, []) ?? { path: root, reason: 'what changes while it is read' }
}

function find(value: unknown, kinds: number, path: string, above: readonly unknown[]): Fault | undefined {
  if (above.includes(value) && typeof value === 'object' && value !== null) return { path, reason: 'a cycle' }
  if (above.length >= MAX_DEPTH && typeof value === 'object' && value !== null) {
    return { path, reason: `more than ${MAX_DEPTH} levels` }
  }
  try {
    for (const [step, part] of partsOf(value)) {
      const fault = find(part, kinds, path + step, [...above, value])
      if (fault !== undefined) return fault
    }
    return survey(value) & kinds ? { path, reason: describe(value) } : undefined
  } catch {
    return { path, reason: 'what throws when it is read' }
  }
}

function* partsOf(value: unknown): Iterable<[step: string, part: unknown]> {
  if (typeof value !== 'object' || value === null || isBytes(value)) return
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Array.prototype) {
    // up to the first hole, which is the array's own fault: there may be billions
    for (let i = 0; i < (value as unknown[]).length && i in value; i++) yield [`[${i}]`, (value as unknown[])[i]]
  } else if (prototype === Map.prototype) {
    let i = 0
    for (const [key, item] of value as Map<unknown, unknown>) {
      yield [`[${i}].key`, key]
      yield [`[${i++}].value`, item]
    }
  } else if (prototype === Set.prototype) {
    let i = 0
    for (const item of value as Set<unknown>) yield [`[${i++}]`, item]
  } else if (prototype === Object.prototype || prototype === null) {
    for (const key of Object.keys(value)) yield [stepTo(key), (value as Record<string, unknown>)[key]]
  }
}

function stepTo(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

function describe(value: unknown): string {
  if (typeof value === 'string') return 'text with a lone surrogate'
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  if (Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype) return 'an array with holes'
  if (Object.prototype.toString.call(value) === '[object Date]') return 'an invalid Date'
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name
  if (Object.getPrototypeOf(value) === Object.prototype) return 'a key with a lone surrogate'
  return `an instance of ${typeof name === 'string' && name !== '' ? name : 'a class'}`
}
