import type { ErrorCode } from '../../protocols/errors.ts'
import { MeshError, RemoteError, wasThrown } from '../../protocols/errors.ts'

/** What an error says of the message that it befell. */

/** Errors after which no other attempt can succeed, unless a handler threw them: of what it does itself. */
const FINAL = new Set([
  'ERR_TERMINATED',
  'ERR_NO_HANDLER',
  'ERR_MESSAGE_TOO_LARGE',
  'ERR_UNREPRESENTABLE',
  'ERR_INVALID_MESSAGE',
  'ERR_FENCED',
  'ERR_STOPPED'
])

/** Codes that say that the receiver is away or cannot take anything now: no handler has failed. */
const AWAY = new Set([
  ...['ERR_NO_RESPONDERS', 'ERR_CIRCUIT_OPEN', 'ERR_PEER_UNREACHABLE', 'ERR_LINK_CLOSED', 'ERR_BACKPRESSURE'],
  ...[
    'ERR_QUEUE_FULL',
    'ERR_OVERLOADED',
    'ERR_LIMIT',
    'ERR_STORAGE',
    'ERR_STOPPED',
    'ERR_NO_QUORUM',
    'ERR_NO_CONSENSUS'
  ]
])

/**
 * Errors that end a message which was not accepted, unless it is durable: its caller did something wrong, is too late, or
 * asked for a name that nobody has, and hears that at once. (Where somebody has left, the retries say so.)
 */
const UNACCEPTED = new Set([
  ...['ERR_MESSAGE_TOO_LARGE', 'ERR_UNREPRESENTABLE', 'ERR_INVALID_MESSAGE', 'ERR_STOPPED', 'ERR_NO_RESPONDERS'],
  ...['ERR_NO_QUORUM', 'ERR_NO_CONSENSUS']
])

export function codeOf(error: unknown): string {
  return (error as MeshError).code ?? 'ERR_HANDLER'
}

export function isFinal(error: unknown): boolean {
  return FINAL.has(codeOf(error)) && !wasThrown(error)
}

/** Also where nothing was heard: a handler that takes too long is refused by its host. */
export function isAway(error: unknown): boolean {
  if (wasThrown(error)) return false
  const code = codeOf(error)
  return AWAY.has(code) || (code === 'ERR_TIMEOUT' && !(error instanceof RemoteError))
}

/** Its number in total order was given up where it came to. */
export function isVoided(error: unknown): boolean {
  return codeOf(error) === 'ERR_VOIDED' && !wasThrown(error)
}

/** Its receiver shares what it does by a group that could not decide: nothing is wrong with either, and that has a word of its own. */
function isUncoordinated(error: unknown): boolean {
  return codeOf(error) === 'ERR_COORDINATION_TIMEOUT'
}

/** `code`: of the end, not of what led to it. */
export function wasUnaccepted(code: string): boolean {
  return UNACCEPTED.has(code)
}

export function stopped(): MeshError {
  return new MeshError('ERR_STOPPED', 'the node is stopped')
}

/** What the sender hears of a message that was given up; `code` undefined: of an attempt that was final. */
export function whyGivenUp(
  { attempts, template }: { attempts: number; template: { name: string } },
  code: ErrorCode | undefined,
  cause: unknown
): unknown {
  if (code === undefined) return cause
  const text = code === 'ERR_TTL' ? 'its time to live has passed' : `${attempts} attempts failed`
  const told = code === 'ERR_MAX_RETRIES' && isUncoordinated(cause) ? 'ERR_COORDINATION_TIMEOUT' : code
  return new MeshError(told, `${template.name} has not acknowledged: ${text}`, { cause, details: { attempts } })
}
