import { MAX_ID_BYTES } from '../../protocols/envelope/header-layout.ts'
import { MeshError } from '../../protocols/errors.ts'
import { MOST_ASKED } from '../core/delivery/outbox.ts'
import type { HandlerOptions, MessageOptions, RequestOptions, Target, WaitOptions } from './types.ts'

/** What a caller gave, checked where it enters: every rule that is broken is `ERR_CONFIG` with `details.key`. */

/** ms, 34 years: what is longer is a slip, and the moment that it ends at might have no number on a link. */
const LONGEST = 2 ** 40
const DURATION = `a number of ms from 0 to ${LONGEST}`

const WAIT_OPTIONS = ['signal', 'timeout'] as const

/** Nothing else stands in what a caller gave than `signal`, `timeout` and `more`. Throws `ERR_CONFIG`. */
export function checkWaitKeys(options: object, ...more: readonly string[]): void {
  for (const key in options) {
    if (![...more, ...WAIT_OPTIONS].includes(key)) throw wrong(key, `left out: known are ${[...more, ...WAIT_OPTIONS]}`)
  }
}

/** Throws `ERR_CONFIG`. */
export function checkWait({ signal, timeout }: WaitOptions): void {
  if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY && !isDuration(timeout))
    throw wrong('timeout', `${DURATION}, or Infinity for a wait without a bound`)
  // Duck typing: a signal may be another realm's.
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') throw wrong('signal', 'an AbortSignal')
}

/** What a message has of its own; what it shares with others of its conversation is checked with its template. */
export function checkMessage(options: MessageOptions & { key?: string | undefined }): void {
  const { id, key, ttl } = options
  checkWait(options)
  if (id !== undefined && (id === '' || !isShort(id))) throw wrong('id', `a text of 1 to ${MAX_ID_BYTES} bytes`)
  if (key !== undefined && !isShort(key)) throw wrong('key', `a text of at most ${MAX_ID_BYTES} bytes`)
  if (ttl !== undefined && !isDuration(ttl)) throw wrong('ttl', DURATION)
}

/** Throws `ERR_CONFIG`. */
export function checkDelay(delay: unknown): void {
  if (delay !== undefined && !(isDuration(delay) && delay <= MOST_ASKED))
    throw wrong('delay', `a number of ms from 0 to ${MOST_ASKED}, a day`)
}

const ATTRIBUTES = [
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
/** The members of `SendOptions`. */
const SEND_OPTIONS = new Set([
  ...ATTRIBUTES,
  ...['delivery', 'key', 'durable', 'to'],
  ...['maxRetries', 'retryStrategy', 'acknowledgmentRequired', 'duplicateDetection', 'guarantee', 'signal', 'timeout']
])
/** The members of `RequestOptions`, and of what a message is: whoever spreads one's characteristics means no harm. */
const REQUEST_OPTIONS = new Set([...ATTRIBUTES, 'delivery', 'key', 'idempotent', 'signal', 'timeout'])
const PROTECTION: readonly string[] = ['sign', 'authenticate', 'encrypt']

/** A slip of the pen must not cost a guarantee. Throws `ERR_CONFIG`, `ERR_UNSUPPORTED`. */
export function checkSendOptions(options: object): void {
  for (const key in options) if (!SEND_OPTIONS.has(key)) refuse(options, key, 'send')
}

/** The same of a request, of which nothing is durable. Throws `ERR_CONFIG`, `ERR_UNSUPPORTED`. */
export function checkRequestOptions(options: RequestOptions): void {
  for (const key in options) if (!REQUEST_OPTIONS.has(key)) refuse(options, key, 'a request')
  const { idempotent, delivery } = options as RequestOptions & { delivery?: unknown }
  if (delivery === 'exactly-once') throw wrong('delivery', 'left out: a request is answered once or fails')
  if (idempotent !== undefined && typeof idempotent !== 'boolean') throw wrong('idempotent', 'true or false')
}

function refuse(options: object, key: string, call: string): void {
  const value = (options as Record<string, unknown>)[key]
  if (PROTECTION.includes(key)) {
    if (value) throw unbuilt(key)
  } else if (key === 'durable') {
    if (value) throw unbuilt(key)
  } else throw new MeshError('ERR_CONFIG', `${call} takes no ${key}`, { details: { key } })
}

/** Throws `ERR_CONFIG`. */
export function isExactlyOnce({ delivery }: HandlerOptions): boolean {
  if (delivery === undefined || delivery === 'exactly-once') return delivery !== undefined
  throw wrong('delivery', `'exactly-once' or left out: a message's own is its sender's choice`)
}

/** Protection that a publication asks for must never be left undone in silence. Throws `ERR_UNSUPPORTED`. */
export function refuseProtection(options: object): void {
  for (const key of PROTECTION) if ((options as Record<string, unknown>)[key]) throw unbuilt(key)
}

function unbuilt(key: string): MeshError {
  return new MeshError('ERR_UNSUPPORTED', `${key} is not supported by this build`, { details: { key } })
}

/** The parts of a target; a PeerId as its text. Throws `ERR_CONFIG`. */
export function partsOf(target: Target): { name: string; peer: string | undefined; instance: string | undefined } {
  if (typeof target === 'string') return { name: named(target), peer: undefined, instance: undefined }
  if (typeof target !== 'object' || target === null) throw wrong('target', 'the name of an agent or an object with it')
  return { name: named(target.name), peer: target.peer?.toString(), instance: target.instance }
}

function named(name: unknown): string {
  if (typeof name !== 'string' || name === '') throw wrong('target', 'the name of an agent, a text that is not empty')
  return name
}

function isShort(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed() && Buffer.byteLength(value) <= MAX_ID_BYTES
}

export function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LONGEST
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

export function wrong(key: string, must: string): MeshError {
  return new MeshError('ERR_CONFIG', `${key} must be ${must}`, { details: { key } })
}
