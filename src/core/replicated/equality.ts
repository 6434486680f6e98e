/**
 * Whether two values are the same data: members and entries in whatever order, NaN equal to itself, 0 not to -0, bytes by
 * their bytes. A key or an item that has parts is looked for among those of the other side that are left, from the first on:
 * quick where both have the same order.
 */
export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && equalBytes(a, b)
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]))
  }
  if (a instanceof Map || b instanceof Map) return a instanceof Map && b instanceof Map && equalEntries(a, b)
  if (a instanceof Set || b instanceof Set) return a instanceof Set && b instanceof Set && equalItems(a, b)
  if (isDate(a) || isDate(b)) return isDate(a) && isDate(b) && a.getTime() === b.getTime()
  return equalMembers(a as Record<string, unknown>, b as Record<string, unknown>)
}

interface Moment {
  getTime(): number
}

/** The global `Date` is a clock, which this floor has none of. */
function isDate(value: object): value is Moment {
  return Object.prototype.toString.call(value) === '[object Date]'
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function equalMembers(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
}

function equalEntries(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false
  const rest = [...b].filter(([key]) => hasParts(key))
  for (const [key, value] of a) {
    if (!hasParts(key)) {
      if (!b.has(key) || !equal(value, b.get(key))) return false
      continue
    }
    const at = rest.findIndex(([other, its]) => equal(key, other) && equal(value, its))
    if (at < 0) return false
    rest.splice(at, 1)
  }
  return true
}

function equalItems(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  if (a.size !== b.size) return false
  const rest = [...b].filter(hasParts)
  for (const item of a) {
    if (!hasParts(item)) {
      if (!b.has(item)) return false
      continue
    }
    const at = rest.findIndex((other) => equal(item, other))
    if (at < 0) return false
    rest.splice(at, 1)
  }
  return true
}

function hasParts(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
