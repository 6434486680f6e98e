import { MAX_ID_BYTES } from '../../protocols/envelope/header-layout.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { HandlerOptions, MessageOptions, Target, WaitOptions } from './types.ts'

/** What a caller gave, checked where it enters: every rule that is broken is `ERR_CONFIG` with `details.key`. */

/** Throws `ERR_CONFIG`. */
export function checkWait({ signal, timeout }: WaitOptions): void {
  if (timeout !== undefined && !isDuration(timeout)) throw wrong('timeout', 'a number of ms, not negative')
  // Duck typing: a signal may be another realm's.
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') throw wrong('signal', 'an AbortSignal')
}

/** What a message has of its own; what it shares with others of its conversation is checked with its template. */
export function checkMessage(options: MessageOptions & { key?: string | undefined }): void {
  const { id, key, ttl } = options
  checkWait(options)
  if (id !== undefined && (id === '' || !isShort(id))) throw wrong('id', `a text of 1 to ${MAX_ID_BYTES} bytes`)
  if (key !== undefined && !isShort(key)) throw wrong('key', `a text of at most ${MAX_ID_BYTES} bytes`)
  if (ttl !== undefined && !isFiniteDuration(ttl)) throw wrong('ttl', 'a number of ms, finite and not negative')
}

/** Throws `ERR_CONFIG`. */
export function checkDelay(delay: unknown): void {
  if (delay !== undefined && !isFiniteDuration(delay)) throw wrong('delay', 'a number of ms, finite and not negative')
}

/** The members of `SendOptions`. */
const SEND_OPTIONS = new Set([
  ...['type', 'id', 'subject', 'datacontenttype', 'dataschema', 'priority', 'consistency', 'ordering', 'group', 'ttl'],
  ...[
    'delivery',
    'key',
    'durable',
    'to',
    'maxRetries',
    'retryStrategy',
    'acknowledgmentRequired',
    'duplicateDetection'
  ],
  ...['guarantee', 'signal', 'timeout']
])
const PROTECTION: readonly string[] = ['sign', 'authenticate', 'encrypt']

/** A slip of the pen must not cost a guarantee. Throws `ERR_CONFIG`, `ERR_UNSUPPORTED`. */
export function checkSendOptions(options: object): void {
  for (const key in options) if (!SEND_OPTIONS.has(key)) refuse(key, (options as Record<string, unknown>)[key])
}

function refuse(key: string, value: unknown): void {
  if (!PROTECTION.includes(key)) throw new MeshError('ERR_CONFIG', `send takes no ${key}`, { details: { key } })
  if (value) throw unbuilt(key)
}

/** Throws `ERR_CONFIG`. */
export function isExactlyOnce({ delivery }: HandlerOptions): boolean {
  if (delivery === undefined || delivery === 'exactly-once') return delivery !== undefined
  throw wrong('delivery', `'exactly-once' or left out: a message's own is its sender's choice`)
}

interface Unbuilt {
  durable?: unknown
  sign?: unknown
  authenticate?: unknown
  encrypt?: unknown
}

/**
 * What is asked of a request or a publication must never be left undone in silence, least of all protection. Throws
 * `ERR_UNSUPPORTED`.
 */
export function refuseUnbuilt(options: object): void {
  const { durable, sign, authenticate, encrypt } = options as Unbuilt
  if (durable) throw unbuilt('durable')
  if (sign) throw unbuilt('sign')
  if (authenticate) throw unbuilt('authenticate')
  if (encrypt) throw unbuilt('encrypt')
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
  return typeof value === 'number' && value >= 0
}

function isFiniteDuration(value: unknown): boolean {
  return isDuration(value) && value < Number.POSITIVE_INFINITY
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

export function wrong(key: string, must: string): MeshError {
  return new MeshError('ERR_CONFIG', `${key} must be ${must}`, { details: { key } })
}
