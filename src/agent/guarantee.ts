import type { Delivery, DeliveryGuarantee, RetryStrategy } from '../../protocols/envelope/message.ts'
import type { RetryPolicy } from '../core/delivery/retry.ts'
import { isCount, isDuration, wrong } from './options.ts'
import type { GuaranteeOptions, SendOptions } from './types.ts'

/** What a sender asks for, filled in and free of contradictions. */
export interface Guarantee {
  readonly delivery: Delivery
  /** ms of one attempt. */
  readonly timeout: number
  readonly policy: RetryPolicy
  /** The receiver's handler has to say that it is done; else a link that takes the message ends it. */
  readonly acknowledged: boolean
  /** A second copy has to be recognised: the message gets a number. */
  readonly numbered: boolean
  /** It is on disk before its sender is told so, and until it is settled. */
  readonly durable: boolean
}

export interface GuaranteeDefaults {
  deliveryTimeout: number
  maxRetries: number
}

const DELIVERIES: readonly Delivery[] = ['at-most-once', 'at-least-once', 'exactly-once']
const STRATEGIES: readonly RetryStrategy[] = ['fixed', 'linear', 'exponential']
const MEMBERS = new Set(['timeout', 'retryStrategy', 'maxRetries', 'acknowledgmentRequired', 'duplicateDetection'])

/** What stands beside `guarantee` goes before what stands in it. Throws `ERR_CONFIG` naming the key. */
export function guaranteeOf(options: SendOptions, implied: Delivery, defaults: GuaranteeDefaults): Guarantee {
  const { guarantee = {}, delivery = implied, durable = false } = options
  checkMembers(guarantee)
  if (!DELIVERIES.includes(delivery)) throw wrong('delivery', `one of ${DELIVERIES.join(', ')}`)
  if (typeof durable !== 'boolean') throw wrong('durable', 'true or false')
  const { timeout = defaults.deliveryTimeout } = guarantee
  if (!isDuration(timeout) || timeout === 0 || timeout > MAX_TIMER) {
    throw wrong('guarantee.timeout', `a number of ms above 0 and at most ${MAX_TIMER}`)
  }
  const strategy = memberOf(options, 'retryStrategy') ?? 'exponential'
  if (!STRATEGIES.includes(strategy)) throw wrong(keyOf(options, 'retryStrategy'), `one of ${STRATEGIES.join(', ')}`)
  const maxRetries = memberOf(options, 'maxRetries') ?? defaults.maxRetries
  if (!isCount(maxRetries)) throw wrong(keyOf(options, 'maxRetries'), 'a whole number, not negative')
  const acknowledged = flag(options, 'acknowledgmentRequired') ?? delivery !== 'at-most-once'
  const detected = flag(options, 'duplicateDetection') ?? false
  checkTogether(options, delivery, durable, acknowledged, detected)
  const numbered = acknowledged && (delivery === 'exactly-once' || durable || detected)
  return { delivery, timeout, policy: { strategy, maxRetries }, acknowledged, numbered, durable }
}

/** The same of a message that was stored, where `durable` is whether it is kept on disk. */
export function storedGuarantee(
  said: DeliveryGuarantee | undefined,
  durable: boolean,
  { deliveryTimeout, maxRetries }: GuaranteeDefaults
): Guarantee {
  const delivery = said?.mode ?? 'at-least-once'
  const acknowledged = said?.acknowledgmentRequired !== false
  return {
    delivery,
    timeout: said?.timeout ?? deliveryTimeout,
    policy: { strategy: said?.retryStrategy ?? 'exponential', maxRetries: said?.maxRetries ?? maxRetries },
    acknowledged,
    numbered: acknowledged && (delivery === 'exactly-once' || durable || said?.duplicateDetection === true),
    durable
  }
}

const MAX_TIMER = 2 ** 31 - 1

type Shared = 'retryStrategy' | 'maxRetries' | 'acknowledgmentRequired' | 'duplicateDetection'

function memberOf<K extends Shared>(options: SendOptions, name: K): SendOptions[K] {
  return options[name] ?? options.guarantee?.[name]
}

/** As the caller wrote it. */
function keyOf(options: SendOptions, name: Shared): string {
  return options[name] === undefined ? `guarantee.${name}` : name
}

function flag(options: SendOptions, name: 'acknowledgmentRequired' | 'duplicateDetection'): boolean | undefined {
  const value: unknown = memberOf(options, name)
  if (value !== undefined && typeof value !== 'boolean') throw wrong(keyOf(options, name), 'true or false')
  return value
}

function checkMembers(guarantee: GuaranteeOptions): void {
  if (typeof guarantee !== 'object' || guarantee === null) throw wrong('guarantee', 'an object')
  for (const key of Object.keys(guarantee)) {
    if (!MEMBERS.has(key)) throw wrong(`guarantee.${key}`, `one of ${[...MEMBERS].join(', ')}`)
  }
}

/** Whatever contradicts itself is refused: each way of reading it would break a promise in silence. */
function checkTogether(
  options: SendOptions,
  delivery: Delivery,
  durable: boolean,
  acknowledged: boolean,
  detected: boolean
): void {
  if (delivery === 'at-most-once') {
    if (durable) throw wrong('durable', 'false with at-most-once: nothing of it is kept')
    if (acknowledged) throw wrong(keyOf(options, 'acknowledgmentRequired'), 'false with at-most-once')
    if (detected) throw wrong(keyOf(options, 'duplicateDetection'), 'false with at-most-once: it is sent once')
  } else if (!acknowledged && (delivery === 'exactly-once' || detected)) {
    const why = 'true where duplicates are to be recognised: nobody would say which copy was handled'
    throw wrong(keyOf(options, 'acknowledgmentRequired'), why)
  }
}
