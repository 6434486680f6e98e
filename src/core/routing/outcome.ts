/** Codes that say the target, or the way to it, is in trouble; everything else is an answer or the caller's own doing. */
const TROUBLE = new Set([
  'ERR_TIMEOUT',
  'ERR_HANDLER',
  'ERR_PEER_UNREACHABLE',
  'ERR_LINK_CLOSED',
  'ERR_BACKPRESSURE',
  'ERR_QUEUE_FULL'
])

/** 'neutral' says nothing about the target: the caller gave up, or asked for what nobody there handles. */
export type Outcome = 'success' | 'failure' | 'neutral'

/** What a call that ended with this error code says about its target. An application's own codes are answers. */
export function outcomeOf(code: string | undefined): Outcome {
  if (code === undefined) return 'success'
  if (TROUBLE.has(code)) return 'failure'
  return code.startsWith('ERR_') ? 'neutral' : 'success'
}
