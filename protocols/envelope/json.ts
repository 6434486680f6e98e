import { isUtf8 } from 'node:buffer'
import { MeshError } from '../errors.ts'
import { escapedNames, parseEscapedNames } from './escaped-names.ts'
import { Kind, refuse, survey } from './kinds.ts'
import { lift, lower } from './tags.ts'

/** One value as JSON text (RFC 8259), in UTF-8; what JSON has no form for goes in tagged form: see `tags.ts`. */

const TAGGED =
  Kind.undefined |
  Kind.bigint |
  Kind.date |
  Kind.bytes |
  Kind.map |
  Kind.set |
  Kind.notFinite |
  Kind.minusZero |
  Kind.tagLike

/**
 * A JSON value, and whether tagged forms were needed. A copy in any case: `JSON.stringify` would ask a `toJSON` that is
 * no part of the data, such as a named member of an array. Throws `ERR_UNREPRESENTABLE`, whose path starts with `root`.
 */
export function toJson(value: unknown, root?: string): { value: unknown; tagged: boolean } {
  const kinds = survey(value)
  if (kinds & Kind.refused) refuse(value, 0, 'JSON', root)
  return { value: lift(value, TAGGED), tagged: (kinds & TAGGED) !== 0 }
}

export function toText(value: unknown, root?: string): string {
  return JSON.stringify(toJson(value, root).value)
}

export function stringify(value: unknown): Uint8Array {
  return utf8(toText(value))
}

/** Throws `ERR_MALFORMED` for what is no UTF-8, no JSON, too deep, or a tag with something else in it. */
export function parse(bytes: Uint8Array): unknown {
  return lower(parsePlain(bytes))
}

/** JSON as it stands, tagged forms untouched. Throws `ERR_MALFORMED`. */
export function parsePlain(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) throw new MeshError('ERR_MALFORMED', 'the text is no UTF-8')
  return parseText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
}

export function parseText(text: string): unknown {
  const value = parseAny(text)
  const names = escapedNames(text)
  return names.length === 0 ? value : parseEscapedNames(text, names)
}

function parseAny(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MeshError('ERR_MALFORMED', 'the text is no JSON', { cause })
  }
}

export function utf8(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'utf8')
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
