import * as v from 'valibot'
import { MeshError } from '../errors.ts'
import type { Message } from './message.ts'
import { isExtensionName, isMediaType, isTimestamp, isUri, isUriReference } from './syntax.ts'
import { CHARACTERISTICS } from './taxonomy.ts'
import { parseTraceparent, parseTracestate } from './trace.ts'

/**
 * What a message must look like. Unknown members inside the extensions are kept, so that a later version may add some;
 * unknown attributes of the message itself are refused, because they belong into `extensions`.
 */

/** Names that `extensions` may not use: CloudEvents' own, the trace's, and those of `cloudevents.ts`. */
export const RESERVED_NAMES: readonly string[] = [
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
  'data',
  'schemaurl',
  'traceparent',
  'tracestate',
  'phoenixcausality',
  'phoenixdelivery',
  'phoenixrouting',
  'phoenixsecurity',
  'phoenixqos',
  'phoenixdata'
]

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'))
const count = v.pipe(v.number(), v.safeInteger('must be a whole number'), v.minValue(0, 'must not be negative'))
const duration = v.pipe(v.number(), v.finite('must be finite'), v.minValue(0, 'must not be negative'))
const counters = v.record(v.string(), count)

const guarantee = v.looseObject({
  mode: v.picklist(CHARACTERISTICS.delivery),
  timeout: v.optional(duration),
  retryStrategy: v.optional(v.picklist(['fixed', 'linear', 'exponential'])),
  maxRetries: v.optional(count),
  ordering: v.optional(v.picklist(CHARACTERISTICS.ordering)),
  acknowledgmentRequired: v.optional(v.boolean()),
  duplicateDetection: v.optional(v.boolean())
})

const routing = v.looseObject({
  pattern: v.optional(
    v.picklist(['point-to-point', 'publish-subscribe', 'request-response', 'pipeline', 'gossip', 'consensus'])
  ),
  target: v.optional(v.string()),
  instance: v.optional(v.string()),
  peer: v.optional(v.string()),
  topic: v.optional(v.string()),
  pipeline: v.optional(v.string()),
  correlation: v.optional(v.string()),
  hops: v.optional(count),
  priority: v.optional(v.picklist(CHARACTERISTICS.priority)),
  key: v.optional(v.string())
})

const security = v.looseObject({
  principal: v.optional(v.string()),
  token: v.optional(v.string()),
  signature: v.optional(v.instance(Uint8Array))
})

const qos = v.looseObject({
  deadline: v.optional(duration),
  latency: v.optional(v.picklist(['realtime', 'interactive', 'batch'])),
  size: v.optional(v.picklist(['small', 'medium', 'large'])),
  consistency: v.optional(v.picklist(CHARACTERISTICS.consistency))
})

const trace = v.strictObject({
  traceparent: v.pipe(
    v.string(),
    v.check((value) => parseTraceparent(value) !== undefined, 'must be a W3C traceparent')
  ),
  tracestate: v.optional(
    v.pipe(
      v.string(),
      v.check((value) => (parseTracestate(value)?.length ?? 0) > 0, 'must be a W3C tracestate')
    )
  )
})

const extension = v.union(
  [
    v.string(),
    v.boolean(),
    v.pipe(
      v.number(),
      v.check((value) => Object.is(value | 0, value))
    )
  ],
  'must be text, a 32-bit integer or a boolean'
)
const extensionName = v.pipe(
  v.string(),
  v.check(isExtensionName, 'must be named in a-z and 0-9 only'),
  v.check((name) => !RESERVED_NAMES.includes(name), 'must not be named as an attribute')
)

const schema = v.strictObject({
  specversion: v.literal('1.0'),
  id: text,
  source: v.pipe(v.string(), v.check(isUriReference, 'must be a URI reference (RFC 3986), not empty')),
  type: text,
  subject: v.optional(text),
  time: v.pipe(v.string(), v.check(isTimestamp, 'must be a time of RFC 3339')),
  datacontenttype: v.optional(v.pipe(v.string(), v.check(isMediaType, 'must be a media type (RFC 2046)'))),
  dataschema: v.optional(v.pipe(v.string(), v.check(isUri, 'must be a URI (RFC 3986)'))),
  data: v.unknown(),
  trace: v.optional(trace),
  causality: v.optional(v.looseObject({ clock: v.optional(counters), dependencies: v.optional(counters) })),
  guarantee: v.optional(guarantee),
  routing: v.optional(routing),
  security: v.optional(security),
  qos: v.optional(qos),
  extensions: v.optional(v.record(extensionName, extension))
})

const ATTRIBUTES: readonly string[] = Object.keys(schema.entries)

/** The attributes of a message that are set, as a plain object: a message may be one whose attributes are getters. */
export function attributesOf(message: Message): Record<string, unknown> {
  const attributes: Record<string, unknown> = {}
  for (const name of ATTRIBUTES) {
    const value = message[name as keyof Message]
    if (value !== undefined || name === 'data') attributes[name] = value
  }
  return attributes
}

/**
 * `value` itself, once it is known to be a message; its data may be anything.
 *
 * Throws `ERR_INVALID_MESSAGE` with `details.attribute`, and the path inside it in the text.
 */
export function validateMessage(value: unknown): Message {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return value as Message
  const [issue] = result.issues
  const path = v.getDotPath(issue)
  if (path === null) throw new MeshError('ERR_INVALID_MESSAGE', 'a message is an object with attributes')
  const attribute = String(issue.path?.[0].key)
  throw invalid(attribute, issue.type === 'strict_object' ? problemOf(issue) : `${path}: ${issue.message}`)
}

function problemOf(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue)
  return issue.input === undefined ? `${path} is missing` : `${path} is no attribute of a message`
}

export function invalid(attribute: string, problem: string): MeshError {
  return new MeshError('ERR_INVALID_MESSAGE', `no valid message: ${problem}`, { details: { attribute } })
}
