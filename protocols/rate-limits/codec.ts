import { Fields } from '../envelope/fields.ts'
import { pack, unpack } from '../envelope/messagepack.ts'
import { MeshError } from '../errors.ts'
import { Kind, MAX_FRAME_BYTES, MAX_ID_BYTES, MAX_KEY_BYTES, MAX_NEEDS, MAX_TOKENS } from './constants.ts'
import type { RateEntry, RateMessage } from './messages.ts'

const fields = new Fields('rate-limits')

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
  if (body.byteLength > MAX_FRAME_BYTES) throw fields.malformed('a shorter frame')
  switch (kind) {
    case Kind.call: {
      const [id, stamp] = fields.tuple(unpack(body), 2)
      return { kind: 'call', ...addressed(id, stamp) }
    }
    case Kind.pledge: {
      const [id, stamp, sharers, fresh] = fields.tuple(unpack(body), 4)
      if (fields.count(sharers) === 0) throw fields.malformed('at least one sharer')
      return { kind: 'pledge', ...addressed(id, stamp), sharers: fields.count(sharers), fresh: fields.flag(fresh) }
    }
    case Kind.ask: {
      const [id, stamp, key, needs, ahead, patient] = fields.tuple(unpack(body), 6)
      return {
        kind: 'ask',
        ...addressed(id, stamp),
        key: fields.text(key, MAX_KEY_BYTES),
        needs: needsOf(needs),
        ahead: tokens(ahead),
        patient: fields.flag(patient)
      }
    }
    case Kind.grant: {
      const [id, stamp, key, given, remaining] = fields.tuple(unpack(body), 5)
      return {
        kind: 'grant',
        ...addressed(id, stamp),
        key: fields.text(key, MAX_KEY_BYTES),
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

function addressed(id: unknown, stamp: unknown): { id: string; stamp: number } {
  if (id === '') throw fields.malformed('an id')
  return { id: fields.text(id, MAX_ID_BYTES), stamp: fields.count(stamp) }
}

function needsOf(value: unknown): number[] {
  return fields.list(value, MAX_NEEDS, 'needs').map((need) => {
    const above = tokens(need)
    if (above === 0) throw fields.malformed('needs above 0')
    return above
  })
}

function tokens(value: unknown): number {
  if (!isTokens(value)) throw fields.malformed('tokens')
  return value
}

function isTokens(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_TOKENS
}
