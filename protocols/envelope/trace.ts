import type { TraceContext } from './message.ts'

/**
 * W3C Trace Context (Recommendation 1, with the random flag of level 2). Nothing here throws: what cannot be read is
 * no trace, and whoever goes on from no trace starts one (§2.2, "Processing model").
 */

/** List members of a tracestate (§3.3.1.1). */
const MAX_STATE_MEMBERS = 32
/** Characters of a tracestate that everybody must pass on (§3.3.1.5); what is longer is cut here. */
const MAX_STATE_LENGTH = 512
/** Members longer than this go first when a tracestate is cut (§3.3.1.5). */
const LONG_MEMBER = 128
/** Bytes that `continueTrace` needs: a trace id and a span id. */
export const TRACE_ENTROPY = 24

export const TraceFlag = { sampled: 0x01, random: 0x02 } as const
const KNOWN_FLAGS = TraceFlag.sampled | TraceFlag.random

export interface TraceParent {
  /** 32 lower-case hexadecimal digits, not all zero. */
  traceId: string
  /** 16 lower-case hexadecimal digits, not all zero: the span that is the parent of what the reader does. */
  spanId: string
  /** The flags known here; others are dropped. */
  flags: number
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Undefined for what is no traceparent. Of a version after 00 the parts that 00 defines are read (§3.2.4). */
export function parseTraceparent(text: string): TraceParent | undefined {
  const match = TRACEPARENT.exec(text)
  if (match === null) return undefined
  const [, version, traceId, spanId, flags, more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return undefined
  return { traceId: traceId!, spanId: spanId!, flags: parseInt(flags!, 16) & KNOWN_FLAGS }
}

export function formatTraceparent(parent: TraceParent): string {
  return `00-${parent.traceId}-${parent.spanId}-${parent.flags.toString(16).padStart(2, '0')}`
}

/** A UUID whose second half can name a span: it is not all zero. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){2}-(?!0000-0{12}$)[0-9a-f]{4}-[0-9a-f]{12}$/

/** A message's id as the 32 digits of a trace id. One of `ours` is such a UUID, a caller's own may be any text. */
export function digitsOf(id: string, ours: boolean): string {
  if (ours || UUID.test(id))
    return id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24)
  return [0x811c9dc5, 0x9e3779b9, 0x243f6a88, 0xb7e15162].map((basis) => fnv1a(id, basis)).join('')
}

/** Eight digits; odd, so that it is never all zero. Not secret, and needs no more than to differ from others. */
function fnv1a(text: string, basis: number): string {
  let hash = basis
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash ^= hash >>> 15
  return ((hash | 1) >>> 0).toString(16).padStart(8, '0')
}

export type StateMember = readonly [key: string, value: string]

const STATE_KEY = /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})$/
/** Printable ASCII but `,` and `=`, with no space at its end (§3.3.1.3.2). */
const STATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/** The members, newest first; undefined for what is no tracestate, which is then dropped as a whole (§4.3). */
export function parseTracestate(text: string): readonly StateMember[] | undefined {
  const members = new Map<string, string>()
  const parts = text.split(',')
  for (const part of parts) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '')
    if (member === '') continue
    const split = member.indexOf('=')
    const key = member.slice(0, split)
    const value = member.slice(split + 1)
    if (split < 0 || !STATE_KEY.test(key) || !STATE_VALUE.test(value) || members.has(key)) return undefined
    if (members.size === MAX_STATE_MEMBERS) return undefined
    members.set(key, value)
  }
  return [...members]
}

/** The newest members that fit the limits, long ones left out first. */
export function formatTracestate(members: readonly StateMember[]): string {
  let kept = members.slice(0, MAX_STATE_MEMBERS).map(([key, value]) => `${key}=${value}`)
  if (kept.join(',').length > MAX_STATE_LENGTH) kept = kept.filter((member) => member.length <= LONG_MEMBER)
  while (kept.join(',').length > MAX_STATE_LENGTH) kept.pop()
  return kept.join(',')
}

/**
 * What of a received trace is good: undefined where the traceparent cannot be read, without a tracestate that cannot
 * be. What is good stays as it came.
 */
export function receivedTrace(traceparent: unknown, tracestate?: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string' || parseTraceparent(traceparent) === undefined) return undefined
  const members = typeof tracestate === 'string' ? parseTracestate(tracestate) : undefined
  return members === undefined || members.length === 0
    ? { traceparent }
    : { traceparent, tracestate: tracestate as string }
}

/**
 * The trace of what is done because of `parent`: its trace, a span of its own, its state. Without a parent that can be
 * read, a new trace.
 *
 * @param entropy at least `TRACE_ENTROPY` (24) random bytes: the last 8 are the span, the first 16 a new trace
 * @param flags of a new trace. Default: not sampled; random, because the bytes are
 * @example
 * const trace = continueTrace(message.trace, dice.bytes(24))
 */
export function continueTrace(
  parent: TraceContext | undefined,
  entropy: Uint8Array,
  flags: number = TraceFlag.random
): TraceContext {
  const spanId = hex(entropy.subarray(16, TRACE_ENTROPY))
  const read = parent && parseTraceparent(parent.traceparent)
  if (read === undefined) {
    return { traceparent: formatTraceparent({ traceId: hex(entropy.subarray(0, 16)), spanId, flags }) }
  }
  const traceparent = formatTraceparent({ ...read, spanId })
  const members = parent?.tracestate === undefined ? undefined : parseTracestate(parent.tracestate)
  if (members === undefined || members.length === 0) return { traceparent }
  const tracestate = formatTracestate(members)
  return tracestate === '' ? { traceparent } : { traceparent, tracestate }
}

/** Puts `key` in front of the tracestate, as whoever writes a member must (§3.5); a member of that name moves there. */
export function withState(trace: TraceContext, key: string, value: string): TraceContext {
  const others = (parseTracestate(trace.tracestate ?? '') ?? []).filter(([name]) => name !== key)
  if (!STATE_KEY.test(key) || !STATE_VALUE.test(value)) return trace
  return { traceparent: trace.traceparent, tracestate: formatTracestate([[key, value], ...others]) }
}

/** Lower-case hexadecimal; an id of zeros is invalid, so the last bit of one is set. */
function hex(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return /^0+$/.test(text) ? `${text.slice(0, -1)}1` : text
}
