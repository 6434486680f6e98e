import { MeshError } from '../errors.ts'
import { MAX_PEER_BYTES, MAX_REFUTATION } from './constants.ts'
import type { Standing } from './messages.ts'

/** Readers of one field each: the value, or `ERR_MALFORMED` naming what was expected. */

export const STANDINGS: readonly Standing[] = ['alive', 'suspect', 'dead', 'left']

export function malformed(expected: string): MeshError {
  return new MeshError('ERR_MALFORMED', `overlay frame: ${expected} expected`)
}

export function tuple(value: unknown, length: number, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed(what)
  return value
}

export function list(value: unknown, limit: number, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > limit) throw malformed(`at most ${limit} ${what}`)
  return value
}

/** `limit` is in UTF-8 bytes. */
export function text(value: unknown, limit: number, what: string): string {
  if (typeof value !== 'string' || value.length > limit) throw malformed(what)
  if (value.length * 3 > limit && Buffer.byteLength(value) > limit) throw malformed(what)
  return value
}

export function optionalText(value: unknown, limit: number, what: string): string | undefined {
  return value === null ? undefined : text(value, limit, what)
}

export function peerId(value: unknown): string {
  const peer = text(value, MAX_PEER_BYTES, 'a PeerId')
  if (peer === '') throw malformed('a PeerId')
  return peer
}

export function count(value: unknown, what: string, limit: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > limit) throw malformed(what)
  return value
}

export function refutation(value: unknown): number {
  return count(value, 'a refutation number', MAX_REFUTATION)
}

export function flag(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw malformed(what)
  return value
}

export function bytes(value: unknown, limit: number, what: string): Uint8Array {
  if (!(value instanceof Uint8Array) || value.byteLength > limit) throw malformed(what)
  return value
}

export function standing(value: unknown): Standing {
  const state = STANDINGS[count(value, 'a state', STANDINGS.length - 1)]
  if (state === undefined) throw malformed('a state')
  return state
}
