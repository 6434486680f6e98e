import { pack, unpack } from '../envelope/messagepack.ts'
import { MeshError } from '../errors.ts'
import { Kind, MAX_FRAME_BYTES, MAX_ID_BYTES, MAX_KEY_BYTES, MAX_NEEDS, MAX_TOKENS } from './constants.ts'
import type { RateEntry, RateMessage } from './messages.ts'

export function encodeRateMessage(message: RateMessage): Uint8Array {
  return pack(fieldsOf(message))
}

function fieldsOf(message: RateMessage): unknown[] {
  const { id, stamp } = message
  switch (message.kind) {
    case 'call':
      return [id, stamp]
    case 'pledge':
      return [id, stamp, message.sharers, message.fresh]
    case 'ask':
      return [id, stamp, message.key, message.needs, message.ahead, message.patient]
    case 'grant':
      return [id, stamp, message.key, message.tokens, message.remaining]
  }
}

/** Throws `ERR_MALFORMED` for what breaks a limit or a type, `ERR_PROTOCOL` for an unknown kind. Keeps nothing of `body`. */
export function decodeRateMessage(kind: number, body: Uint8Array): RateMessage {
  if (body.byteLength > MAX_FRAME_BYTES) throw malformed('a shorter frame')
  switch (kind) {
    case Kind.call: {
      const [id, stamp] = fields(body, 2)
      return { kind: 'call', ...addressed(id, stamp) }
    }
    case Kind.pledge: {
      const [id, stamp, sharers, fresh] = fields(body, 4)
      if (whole(sharers) === 0) throw malformed('at least one sharer')
      return { kind: 'pledge', ...addressed(id, stamp), sharers: whole(sharers), fresh: flag(fresh) }
    }
    case Kind.ask: {
      const [id, stamp, key, needs, ahead, patient] = fields(body, 6)
      return {
        kind: 'ask',
        ...addressed(id, stamp),
        key: text(key, MAX_KEY_BYTES),
        needs: needsOf(needs),
        ahead: tokens(ahead),
        patient: flag(patient)
      }
    }
    case Kind.grant: {
      const [id, stamp, key, given, remaining] = fields(body, 5)
      return {
        kind: 'grant',
        ...addressed(id, stamp),
        key: text(key, MAX_KEY_BYTES),
        tokens: tokens(given),
        remaining: tokens(remaining)
      }
    }
    default:
      throw new MeshError('ERR_PROTOCOL', `rate-limits frame of unknown kind ${kind}`)
  }
}

/** What a peer announced of a limit; undefined where it makes no sense. */
export function readRateEntry(value: unknown): RateEntry | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { capacity, refillRate, burst, used } = value as Partial<Record<keyof RateEntry, unknown>>
  if (!isTokens(capacity) || !isTokens(burst) || typeof refillRate !== 'number' || !(refillRate > 0)) return undefined
  if (!Number.isFinite(refillRate) || typeof used !== 'boolean') return undefined
  return { capacity, refillRate, burst, used }
}

function fields(body: Uint8Array, length: number): readonly unknown[] {
  const value = unpack(body)
  if (!Array.isArray(value) || value.length !== length) throw malformed(`${length} fields`)
  return value
}

function addressed(id: unknown, stamp: unknown): { id: string; stamp: number } {
  if (id === '') throw malformed('an id')
  return { id: text(id, MAX_ID_BYTES), stamp: whole(stamp) }
}

function needsOf(value: unknown): number[] {
  if (!Array.isArray(value) || value.length > MAX_NEEDS) throw malformed(`at most ${MAX_NEEDS} needs`)
  return value.map((need) => {
    if (tokens(need) === 0) throw malformed('needs above 0')
    return need
  })
}

function text(value: unknown, limit: number): string {
  if (typeof value !== 'string' || Buffer.byteLength(value) > limit) throw malformed(`a text of at most ${limit} bytes`)
  return value
}

function whole(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed('a whole number')
  return value as number
}

function tokens(value: unknown): number {
  if (!isTokens(value)) throw malformed('tokens')
  return value
}

function isTokens(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_TOKENS
}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw malformed('true or false')
  return value
}

function malformed(expected: string): MeshError {
  return new MeshError('ERR_MALFORMED', `rate-limits frame: ${expected} expected`)
}
