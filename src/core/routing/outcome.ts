/** Codes that say the target, or the way to it, is in trouble. */
const TROUBLE = new Set(['ERR_TIMEOUT', 'ERR_PEER_UNREACHABLE', 'ERR_LINK_CLOSED'])
/** Codes by which a target that is well says that it has enough to do. */
const ENOUGH = new Set(['ERR_BACKPRESSURE', 'ERR_QUEUE_FULL', 'ERR_OVERLOADED'])

/**
 * What a call says about its target. 'refused': it has too much to do, which asks its callers for less and not for
 * none, so it opens no circuit. 'neutral' says nothing: the caller gave up, or asked for what nobody there handles.
 */
export type Outcome = 'success' | 'failure' | 'refused' | 'neutral'

/**
 * What a call that ended with this error code says about its target. What a handler threw is an answer whatever its code
 * is, an application's own codes and plain errors included: it speaks of what the handler met, not of the way to it.
 */
export function outcomeOf(code: string | undefined, thrown = false): Outcome {
  if (code === undefined || thrown || code === 'ERR_HANDLER') return 'success'
  if (TROUBLE.has(code)) return 'failure'
  if (ENOUGH.has(code)) return 'refused'
  return code.startsWith('ERR_') ? 'neutral' : 'success'
}
