import { MeshError } from '../errors.ts'
import { parseText, toJson, toText } from './json.ts'
import { isBytes } from './kinds.ts'
import type { ExtensionValue, Message } from './message.ts'
import { isExtensionName } from './syntax.ts'
import { base64, checkDepth, fromBase64, lower } from './tags.ts'
import { receivedTrace } from './trace.ts'
import { attributesOf, invalid, RESERVED_NAMES, validateMessage } from './validate.ts'

/**
 * A CloudEvents 1.0 event in its JSON form: attributes and extensions side by side, and `data` (a JSON value) or
 * `data_base64`. Both `new CloudEvent(event, true)` and `JSON.stringify` take it as it stands.
 */
export interface CloudEventShape {
  specversion: string
  id: string
  source: string
  type: string
  subject?: string
  time?: string
  datacontenttype?: string
  dataschema?: string
  data?: unknown
  data_base64?: string
  [extension: string]: unknown
}

/** Attributes of CloudEvents itself that a message has under the same name. */
const CORE = ['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'dataschema'] as const

/** Structured attributes travel as JSON text, because a CloudEvents extension is a scalar. */
const STRUCTURED = {
  causality: 'phoenixcausality',
  guarantee: 'phoenixdelivery',
  routing: 'phoenixrouting',
  security: 'phoenixsecurity',
  qos: 'phoenixqos'
} as const
const NAMES = Object.keys(STRUCTURED) as (keyof typeof STRUCTURED)[]

/** Says that `data` has tagged forms in it, so that nobody takes another system's `$set` for one. */
const TAGGED = 'tagged'

/**
 * The event that a message is for the rest of the world.
 *
 * Throws `ERR_INVALID_MESSAGE` naming the attribute, `ERR_UNREPRESENTABLE` with `details.path` (`$` is the message).
 *
 * @example
 * new CloudEvent(toCloudEvent(message), true)      // of the package `cloudevents`
 */
export function toCloudEvent(message: Message): CloudEventShape {
  const { data, trace, extensions, ...attributes } = attributesOf(message) as unknown as Message
  validateMessage({ ...attributes, data, trace, extensions })
  const event: Record<string, unknown> = {}
  for (const name of CORE) if (attributes[name] !== undefined) event[name] = attributes[name]
  for (const name of NAMES) {
    if (attributes[name] !== undefined) event[STRUCTURED[name]] = toText(attributes[name], `$.${name}`)
  }
  return { ...event, ...trace, ...extensions, ...dataOf(data) } as CloudEventShape
}

function dataOf(data: unknown): Record<string, unknown> {
  if (data === undefined) return {}
  if (typeof data === 'object' && data !== null && isBytes(data)) return { data_base64: base64(data) }
  const { value, tagged } = toJson(data, '$.data')
  return tagged ? { data: value, phoenixdata: TAGGED } : { data: value }
}

/**
 * The message that an event is, from here or from anywhere: `time` may be missing, unknown extensions are kept in
 * `extensions`, a trace that cannot be read is no trace. The event may be an instance of the SDK's class.
 *
 * Throws `ERR_INVALID_MESSAGE` naming the attribute.
 *
 * @param now wall-clock ms, for an event without a time. Default: the system's clock
 */
export function fromCloudEvent(event: CloudEventShape | object, now: number = Date.now()): Message {
  if (typeof event !== 'object' || event === null) throw invalid('specversion', 'an event is an object')
  const given = new Map(Object.entries(event).filter(([, value]) => value !== undefined))
  const message: Record<string, unknown> = {}
  for (const name of CORE) if (present(given, name)) message[name] = given.get(name)
  message['time'] ??= new Date(now).toISOString()
  message['data'] = readData(given)
  const trace = receivedTrace(given.get('traceparent'), given.get('tracestate'))
  if (trace !== undefined) message['trace'] = trace
  for (const name of NAMES) {
    if (present(given, STRUCTURED[name])) message[name] = readStructured(STRUCTURED[name], given.get(STRUCTURED[name]))
  }
  const extensions = readExtensions(given)
  if (extensions !== undefined) message['extensions'] = extensions
  return validateMessage(message)
}

/** In an event null is as good as absent (JSON format §2.2). */
function present(given: ReadonlyMap<string, unknown>, name: string): boolean {
  return given.get(name) !== undefined && given.get(name) !== null
}

function readData(given: ReadonlyMap<string, unknown>): unknown {
  const encoded = given.get('data_base64')
  const data = given.get('data')
  if (encoded === undefined || encoded === null) {
    if (given.get('phoenixdata') === TAGGED) return readTagged('phoenixdata', () => lower(structuredClone(data)))
    readTagged('data', () => checkDepth(data))
    return data
  }
  // the SDK keeps the bytes beside their text
  if (data !== undefined && !(data instanceof Uint8Array)) throw invalid('data_base64', 'data and data_base64 at once')
  const bytes = typeof encoded === 'string' ? fromBase64(encoded) : undefined
  if (bytes === undefined) throw invalid('data_base64', 'data_base64 is no base64 (RFC 4648)')
  return bytes
}

function readStructured(name: string, value: unknown): unknown {
  if (typeof value !== 'string') throw invalid(name, `${name} is no text`)
  return readTagged(name, () => lower(parseText(value)))
}

function readTagged(name: string, read: () => unknown): unknown {
  try {
    return read()
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new MeshError('ERR_INVALID_MESSAGE', `no valid message: ${name}: ${problem}`, {
      cause,
      details: { attribute: name }
    })
  }
}

function readExtensions(given: ReadonlyMap<string, unknown>): Record<string, ExtensionValue> | undefined {
  const extensions: [string, ExtensionValue][] = []
  for (const [name, value] of given) {
    if (value === null || name === 'data_base64' || RESERVED_NAMES.includes(name)) continue
    if (!isExtensionName(name)) throw invalid(name, `${name} is no name of an attribute: a-z and 0-9 only`)
    extensions.push([name, canonical(value) as ExtensionValue])
  }
  if (given.has('schemaurl')) throw invalid('schemaurl', 'schemaurl belongs to CloudEvents 0.3')
  return extensions.length === 0 ? undefined : Object.fromEntries(extensions)
}

/** The text that stands for a value of the SDK's richer types (CloudEvents §3.1.1). */
function canonical(value: unknown): unknown {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  return value instanceof Uint8Array ? base64(value) : value
}
