import { MeshError } from '../../../protocols/errors.ts'
import { queueLimitsOf } from '../../core/flow/queue-options.ts'
import { DEFAULT_QUEUE_LIMITS, type QueueLimits } from '../../core/flow/watermarks.ts'
import { DEFAULT_STREAM_LIMITS } from '../../core/pubsub/stream.ts'
import type { PubSubLimits, PubSubStats, SubscribeOptions } from './types.ts'

export const DEFAULT_LIMITS: PubSubLimits = {
  directFanout: 32,
  calm: 0.75,
  messageBytes: 16 * 2 ** 20 - 4_096,
  waitingBytes: 8 * 2 ** 20,
  windowBytes: 2 ** 20,
  acknowledgement: 1_000,
  grace: 100,
  stall: 5_000,
  settle: 3_000,
  tail: 250,
  history: { packets: 1_024, bytes: 8 * 2 ** 20 },
  retention: 60_000,
  topics: 4_096,
  subscriptions: 10_000,
  publishers: 1_024,
  patternsPerPeer: 10_000,
  unverifiedBytes: 8 * 2 ** 20,
  stream: DEFAULT_STREAM_LIMITS
}

const SUBSCRIBE_KEYS = new Set([
  'filter',
  'delivery',
  'overflow',
  'highWatermark',
  'lowWatermark',
  'maxQueue',
  'redirect'
])
/** The message's own options come along: whoever made the message has read them. */
const MESSAGE_KEYS = [
  'type',
  'id',
  'subject',
  'datacontenttype',
  'dataschema',
  'priority',
  'consistency',
  'ordering',
  'ttl'
]
const PUBLISH_KEYS = new Set(['waitFor', 'timeout', 'signal', ...MESSAGE_KEYS])
const DELIVERIES = new Set(['at-most-once', 'at-least-once'])
const OVERFLOWS = new Set(['drop-oldest', 'drop-newest', 'reject', 'spill-to-disk', 'redirect'])

function refuse(key: string, why: string): MeshError {
  return new MeshError('ERR_CONFIG', `${key}: ${why}`, { details: { key } })
}

/** `ERR_CONFIG` naming the first option that this version does not have. */
function known(options: object, keys: ReadonlySet<string>, prefix = ''): void {
  if (Object(options) !== options) throw refuse('options', 'not an object')
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined && !keys.has(key)) throw refuse(prefix + key, 'not supported')
  }
}

/** The queue's limits of a subscription, or `ERR_CONFIG`. */
export function checkSubscribe(options: SubscribeOptions): QueueLimits {
  known(options, SUBSCRIBE_KEYS)
  if (!DELIVERIES.has(options.delivery ?? 'at-most-once'))
    throw refuse('delivery', `${options.delivery} is not supported`)
  if (!OVERFLOWS.has(options.overflow ?? 'reject')) throw refuse('overflow', `${options.overflow} is not supported`)
  if (options.delivery === 'at-least-once' && (options.overflow ?? 'reject') !== 'reject')
    throw refuse('overflow', `${options.overflow} lets go of messages, which at-least-once never does`)
  const named = typeof options.redirect === 'object' ? options.redirect?.name : options.redirect
  if ((options.overflow === 'redirect') !== (typeof named === 'string' && named !== ''))
    throw refuse('redirect', `names an agent where overflow is 'redirect', and only there`)
  if (options.filter !== undefined && typeof options.filter !== 'function') throw refuse('filter', 'not a function')
  return queueLimitsOf(options, DEFAULT_QUEUE_LIMITS)
}

export function checkPublish(
  options: object & { waitFor?: { subscribers: number } | undefined; timeout?: number | undefined }
): void {
  known(options, PUBLISH_KEYS)
  const { waitFor, timeout } = options
  if (waitFor !== undefined && !(Number.isSafeInteger(waitFor?.subscribers) && waitFor.subscribers >= 1)) {
    throw refuse('waitFor.subscribers', 'not a whole number from 1')
  }
  if (timeout !== undefined && !(timeout >= 0)) throw refuse('timeout', 'not a number from 0')
}

export function emptyStats(): PubSubStats {
  return {
    published: 0,
    delivered: 0,
    duplicates: 0,
    refused: { forged: 0, stale: 0, malformed: 0, unverified: 0, 'too-many-patterns': 0 },
    lost: 0,
    repaired: 0,
    fences: 0,
    undelivered: 0,
    batches: { direct: 0, gossip: 0 },
    bytes: { direct: 0, gossip: 0 }
  }
}
