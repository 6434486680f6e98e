import { MeshError } from '../../../protocols/errors.ts'
import { MAX_PEER_BYTES } from '../../../protocols/publish-subscribe/constants.ts'
import { queueLimitsOf } from '../../core/flow/queue-options.ts'
import { DEFAULT_QUEUE_LIMITS, type QueueLimits } from '../../core/flow/watermarks.ts'
import { MESSAGE_OPTIONS } from '../delivery/message-options.ts'
import type { SubscribeOptions } from './types.ts'

const SUBSCRIBE_KEYS = new Set([
  ...['filter', 'delivery', 'overflow', 'highWatermark', 'lowWatermark', 'maxQueue', 'redirect'],
  ...['durable', 'name', 'from']
])
/** The message's own options come along: whoever made the message has read them. */
const PUBLISH_KEYS = new Set(['waitFor', 'timeout', 'signal', 'durable', 'key', ...MESSAGE_OPTIONS])
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
  checkLog(options)
  if (deliveryOf(options) === 'at-least-once' && (options.overflow ?? 'reject') !== 'reject')
    throw refuse('overflow', `${options.overflow} lets go of messages, which at-least-once never does`)
  const named = typeof options.redirect === 'object' ? options.redirect?.name : options.redirect
  if ((options.overflow === 'redirect') !== (typeof named === 'string' && named !== ''))
    throw refuse('redirect', `names an agent where overflow is 'redirect', and only there`)
  if (options.filter !== undefined && typeof options.filter !== 'function') throw refuse('filter', 'not a function')
  return queueLimitsOf(options, DEFAULT_QUEUE_LIMITS)
}

/** What reads logs is at-least-once though nobody says so. */
export function deliveryOf({ delivery, durable, from }: SubscribeOptions): 'at-most-once' | 'at-least-once' {
  return delivery ?? (durable || from !== undefined ? 'at-least-once' : 'at-most-once')
}

/** Whether the subscription reads what publishers keep, rather than being sent what they publish. */
export function readsLogs({ durable, from }: SubscribeOptions): boolean {
  return durable === true || from !== undefined
}

/** Characters of a durable subscription's name. A guess. */
const NAME_LENGTH = 128
const FROM_KEYS = new Set(['time', 'sequence', 'publisher'])

function checkLog(options: SubscribeOptions): void {
  const { durable, name } = options
  if (durable !== undefined && typeof durable !== 'boolean') throw refuse('durable', 'not true or false')
  if (durable && name === undefined) throw refuse('name', 'a durable subscription needs one')
  if (name !== undefined && !durable) throw refuse('name', 'only a durable subscription has one')
  if (name !== undefined && !isName(name)) throw refuse('name', `not a text of 1 to ${NAME_LENGTH} characters`)
  if (readsLogs(options) && options.delivery === 'at-most-once')
    throw refuse('delivery', 'what is durable or begins somewhere is at-least-once')
  checkFrom(options.from)
}

function isName(name: unknown): boolean {
  return typeof name === 'string' && name !== '' && name.length <= NAME_LENGTH && name.isWellFormed()
}

function checkFrom(from: SubscribeOptions['from']): void {
  if (from === undefined || from === 'now' || from === 'start') return
  if (Object(from) !== from) throw refuse('from', `neither 'now', 'start', a time nor a sequence`)
  known(from, FROM_KEYS, 'from.')
  const { time, sequence, publisher } = from
  if ((time === undefined) === (sequence === undefined)) throw refuse('from', 'either a time or a sequence')
  if (sequence !== undefined && !(Number.isSafeInteger(sequence) && sequence >= 1))
    throw refuse('from.sequence', 'not a whole number from 1')
  if (time !== undefined && !isTime(time)) throw refuse('from.time', 'neither a date nor ms')
  if (publisher !== undefined && !isPeer(publisher)) throw refuse('from.publisher', 'neither a PeerId nor its text')
}

/** A time that has no whole number cannot be written down. */
function isTime(time: unknown): boolean {
  const isDate = time instanceof Date || typeof time === 'number'
  return isDate && Math.abs(Number(time)) <= Number.MAX_SAFE_INTEGER
}

function isPeer(publisher: unknown): boolean {
  const text = typeof publisher === 'object' ? publisher?.toString() : publisher
  return typeof text === 'string' && text !== '' && text.length <= MAX_PEER_BYTES
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
