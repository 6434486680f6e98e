import { MeshError } from '../../protocols/errors.ts'
import { queueLimitsOf } from '../core/flow/queue-options.ts'
import type { QueueLimits } from '../core/flow/watermarks.ts'
import type { MailboxLimits } from '../node/config-limits.ts'
import { partsOf } from './options.ts'
import type { HandlerOptions, MailboxOptions, MailboxOverflow } from './types.ts'

/** Who takes what finds no room: by default another member of the same name. */
export interface Diversion {
  readonly name: string | undefined
  readonly peer: string | undefined
  readonly instance: string | undefined
}

/** A handler's mailbox as it was asked for. */
export interface MailboxPlan {
  readonly overflow: MailboxOverflow
  readonly limits: QueueLimits
  readonly diversion: Diversion
}

const GROUP: Diversion = { name: undefined, peer: undefined, instance: undefined }
const OVERFLOWS: readonly string[] = ['reject', 'drop-oldest', 'drop-newest', 'spill-to-disk', 'redirect']
const KEYS = ['overflow', 'highWatermark', 'lowWatermark', 'maxQueue', 'redirect'] as const

/** Throws `ERR_CONFIG` naming the key. */
export function mailboxOf(options: HandlerOptions, { messages, bytes, ...marks }: MailboxLimits): MailboxPlan {
  const { overflow = 'reject', redirect, delivery } = options
  if (!OVERFLOWS.includes(overflow)) throw refuse('overflow', `must be one of ${OVERFLOWS.join(', ')}`)
  if (overflow === 'redirect' && delivery === 'exactly-once') {
    throw refuse('overflow', 'an exactly-once message stays with the member it was sent to: it cannot be redirected')
  }
  if (redirect !== undefined && overflow !== 'redirect') throw refuse('redirect', `is for overflow: 'redirect'`)
  const limits = queueLimitsOf(options, { ...marks, maxQueue: { messages, bytes } })
  if (redirect === undefined) return { overflow, limits, diversion: GROUP }
  return { overflow, limits, diversion: partsOf(redirect) }
}

/** What is left of the options once those of the mailbox are taken out. */
export function withoutMailbox(options: HandlerOptions): Omit<HandlerOptions, keyof MailboxOptions> {
  const rest = { ...options }
  for (const key of KEYS) delete rest[key]
  return rest
}

function refuse(key: string, why: string): MeshError {
  return new MeshError('ERR_CONFIG', `${key} ${why}`, { details: { key } })
}
