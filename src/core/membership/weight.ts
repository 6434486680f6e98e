import { MeshError } from '../../../protocols/errors.ts'
import { MAX_DEPTH } from '../../../protocols/overlay/constants.ts'

/**
 * What a value takes in MessagePack, at least as much as it really does, without encoding it. Bytes.
 * Throws `ERR_UNREPRESENTABLE` for functions, symbols and what is nested deeper than a reader would follow.
 */
export function weigh(value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string':
      return 5 + utf8Length(value)
    case 'object':
      return value === null ? 1 : weighObject(value, depth)
    case 'undefined':
    case 'boolean':
      return 1
    case 'bigint':
    case 'number':
      return 9
    default:
      throw new MeshError('ERR_UNREPRESENTABLE', `a ${typeof value} cannot be announced`)
  }
}

function weighObject(value: object, depth: number): number {
  if (depth >= MAX_DEPTH - 5) throw new MeshError('ERR_UNREPRESENTABLE', 'a value nested too deeply to be announced')
  if (ArrayBuffer.isView(value)) return 5 + value.byteLength
  // biome-ignore lint/style/noRestrictedGlobals: a kind of value, not the time
  if (value instanceof Date) return 16
  let sum = 5
  if (Array.isArray(value)) {
    for (const element of value) sum += weigh(element, depth + 1)
  } else {
    for (const [key, member] of Object.entries(value)) sum += 5 + utf8Length(key) + weigh(member, depth + 1)
  }
  return sum
}

export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) length += unit > 0x7ff ? (unit >= 0xd800 && unit < 0xe000 ? 1 : 2) : 1
  }
  return length
}
