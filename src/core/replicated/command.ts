import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'
import { malformed } from './malformed.ts'
import { owned } from './owned.ts'

/** What an entry of the log tells the replicas to do. */
export interface Command {
  /** Index of the entry that opened the session; 0 for what is applied as often as it is in the log. */
  readonly session: number
  /** Counts from 1 in a session; 0 without one. */
  readonly number: number
  /** The least number of the session whose outcome is still waited for. */
  readonly oldest: number
  readonly part: string
  readonly body: unknown
}

/** `[session, number, oldest, part, body]` as MessagePack. `ERR_UNREPRESENTABLE`, with a path from `$` on. */
export function encodeCommand({ session, number, oldest, part, body }: Command): Uint8Array {
  return pack([session, number, oldest, part, body])
}

/** Shares no memory with the bytes. `ERR_MALFORMED`. */
export function decodeCommand(bytes: Uint8Array): Command {
  const fields = unpack(bytes)
  if (!Array.isArray(fields) || fields.length !== 5) throw malformed('no command')
  const [session, number, oldest, part, body] = fields
  if (!areNumbers(session, number, oldest)) throw malformed('the numbers of a command')
  if (typeof part !== 'string') throw malformed('a command for no part')
  return { session, number, oldest, part, body: owned(body) }
}

function areNumbers(session: unknown, number: unknown, oldest: unknown): boolean {
  if (!Number.isSafeInteger(session) || !Number.isSafeInteger(number) || !Number.isSafeInteger(oldest)) return false
  if (session === 0) return number === 0 && oldest === 0
  return (session as number) > 0 && (oldest as number) >= 1 && (oldest as number) <= (number as number)
}
