import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'
import { toRemoteShape } from '../../../protocols/errors.ts'
import { malformed } from './malformed.ts'
import type { Outcome } from './types.ts'

const NOTHING: Outcome = { ok: true, value: undefined }
const TRUE: Outcome = { ok: true, value: true }
const FALSE: Outcome = { ok: true, value: false }

export function success(value: unknown): Outcome {
  if (value === undefined) return NOTHING
  if (value === true) return TRUE
  return value === false ? FALSE : { ok: true, value }
}

/** UTF-16 units of a message that are kept: what is in every replica's memory should not be as long as a command. */
const MOST_MESSAGE = 1_024

/** Never throws, whatever was thrown. */
export function failure(error: unknown): Outcome {
  const { code, message } = toRemoteShape(error)
  return { ok: false, code: code.toWellFormed(), message: message.slice(0, MOST_MESSAGE).toWellFormed() }
}

/**
 * An outcome as a session keeps it: of a value that has parts its bytes, so that nobody changes it, and a snapshot can hold
 * it however deep it nests.
 */
export type Kept = Outcome | Uint8Array

/** Throws `ERR_UNREPRESENTABLE` where no client could be told it. */
export function keep(outcome: Outcome): Kept {
  if (!outcome.ok) return outcome
  switch (typeof outcome.value) {
    case 'undefined':
    case 'boolean':
    case 'number':
      return outcome
    case 'string':
      return outcome.value.isWellFormed() ? outcome : pack(outcome.value)
    default:
      return pack(outcome.value)
  }
}

export function recall(kept: Kept): Outcome {
  return kept instanceof Uint8Array ? { ok: true, value: unpack(kept) } : kept
}

/** As data: bytes for bytes, a pair for a failure, and any other value is itself. */
export function keptToData(kept: Kept): unknown {
  if (kept instanceof Uint8Array) return kept
  return kept.ok ? kept.value : [kept.code, kept.message]
}

export function keptFromData(data: unknown): Kept {
  if (data instanceof Uint8Array) return data
  if (!Array.isArray(data)) return success(data)
  const [code, message] = data
  if (typeof code !== 'string' || typeof message !== 'string') throw malformed('no outcome')
  return { ok: false, code, message }
}
