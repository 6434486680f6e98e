/**
 * Reads the MessagePack of small plain data, without msgpackr; whatever is not surely of that kind, or malformed, is left to
 * `messagepack.ts`, which reads the same values. Measured on a command that puts 128 bytes: 146 ns instead of 545, and 57
 * instead of 150 for `{ get: 'key-17' }`.
 */

/** Levels: beyond them msgpackr is as good. */
const MOST_LEVELS = 6

/** What stands for bytes that are not plain. */
const OTHER: unique symbol = Symbol('not plain')

let source: Uint8Array
let at: number
let end: number

/** The value that the bytes are, all of them; `otherwise` where they are not plain. Bytes in it are views. */
export function readPlain(bytes: Uint8Array, otherwise: (bytes: Uint8Array) => unknown): unknown {
  source = bytes
  at = 0
  end = bytes.length
  const value = read(0)
  return value === OTHER || at !== end ? otherwise(bytes) : value
}

function read(level: number): unknown {
  if (at >= end) return OTHER
  const token = source[at++]!
  if (token < 0x80) return token
  if (token < 0x90) return level < MOST_LEVELS ? readMembers(token & 0x0f, level) : OTHER
  if (token < 0xa0) return level < MOST_LEVELS ? readItems(token & 0x0f, level) : OTHER
  if (token < 0xc0) return readText(token & 0x1f)
  switch (token) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
      return readBytes(readWhole(1))
    case 0xc5:
      return readBytes(readWhole(2))
    case 0xcc:
      return at + 1 > end ? OTHER : readWhole(1)
    case 0xcd:
      return at + 2 > end ? OTHER : readWhole(2)
    case 0xce:
      return at + 4 > end ? OTHER : readWhole(4)
    case 0xd4:
      return at + 2 > end || readWhole(2) !== 0 ? OTHER : undefined
    default:
      return OTHER
  }
}

/** Beyond the end it is no number, and no comparison with it holds. */
function readWhole(size: number): number {
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + source[at++]!
  return value
}

function readBytes(length: number): unknown {
  const from = at
  at += length
  return at <= end ? new Uint8Array(source.buffer, source.byteOffset + from, length) : OTHER
}

/** Texts met lately, by a hash: keys are few, and what is known needs no new one. */
const texts: string[] = new Array(1_024).fill('')

function readText(length: number): string | typeof OTHER {
  const from = at
  at += length
  if (at > end) return OTHER
  let hash = length
  let all = 0
  for (let i = from; i < at; i++) {
    const byte = source[i]!
    all |= byte
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  if (all >= 0x80) return OTHER
  hash = (hash ^ (hash >>> 10)) & 1_023
  const known = texts[hash]!
  if (known.length === length && isText(known, from)) return known
  const text = Buffer.prototype.latin1Slice.call(source, from, at)
  texts[hash] = text
  return text
}

function isText(text: string, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== source[from + i]) return false
  return true
}

function readItems(count: number, level: number): unknown {
  const items: unknown[] = []
  for (let i = 0; i < count; i++) {
    const item = read(level + 1)
    if (item === OTHER) return OTHER
    items.push(item)
  }
  return items
}

function readMembers(count: number, level: number): unknown {
  const members: Record<string, unknown> = {}
  for (let i = 0; i < count; i++) {
    const token = at < end ? source[at++]! : 0
    if (token < 0xa0 || token >= 0xc0) return OTHER
    const first = source[at]
    // a tag, perhaps, or `__proto__`
    if (first === 0x24 || first === 0x5f) return OTHER
    const key = readText(token & 0x1f)
    if (key === OTHER) return OTHER
    const value = read(level + 1)
    if (value === OTHER) return OTHER
    members[key] = value
  }
  return members
}
