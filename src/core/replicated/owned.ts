import { malformed } from './malformed.ts'

/**
 * Levels that a command's body may nest: what the envelope's encoder carries, less what a part's snapshot puts around it.
 * A decoder takes more, and a snapshot that holds what no encoder takes could not be made.
 */
const MOST_LEVELS = 124

/**
 * The decoded value with bytes of its own, in place where that is possible: what a replica keeps must not keep the buffer
 * alive, or change with it, in which it came. Throws `ERR_MALFORMED` where it nests too deep.
 */
export function owned(value: unknown, most = MOST_LEVELS): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (most === 0) throw malformed('too many levels')
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return ownItems(value, most - 1)
  if (value instanceof Map) return new Map(Array.from(value, ([k, v]) => [owned(k, most - 1), owned(v, most - 1)]))
  if (value instanceof Set) return new Set(Array.from(value, (item) => owned(item, most - 1)))
  return ownMembers(value as Record<string, unknown>, most - 1)
}

function ownItems(value: unknown[], most: number): unknown[] {
  for (let i = 0; i < value.length; i++) {
    const item = value[i]
    if (typeof item === 'object' && item !== null) value[i] = owned(item, most)
  }
  return value
}

function ownMembers(value: Record<string, unknown>, most: number): Record<string, unknown> {
  for (const key in value) {
    const member = value[key]
    if (typeof member !== 'object' || member === null) continue
    const own = owned(member, most)
    // an own member, even where it is named __proto__
    if (own !== member) value[key] = own
  }
  return value
}
