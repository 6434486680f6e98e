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

interface Rule {
  readonly check: (value: unknown) => boolean
  /** What the value must be, for the error's text. */
  readonly must: string
}

const rule = (must: string, check: (value: unknown) => boolean): Rule => ({ must, check })
const string = (must: string, check: (text: string) => boolean): Rule =>
  rule(must, (value) => typeof value === 'string' && check(value))
/** For texts that most messages share with the one before: a check that passed is not made again. */
const repeated = (must: string, check: (text: string) => boolean): Rule => {
  let passed: string | undefined
  return string(must, (text) => {
    if (text === passed) return true
    if (!check(text)) return false
    passed = text
    return true
  })
}
const oneOf = (...allowed: readonly unknown[]): Rule =>
  rule(`one of ${allowed.join(', ')}`, (value) => allowed.includes(value))

const TEXT = string('text', () => true)
const NAME = string('text, not empty', (text) => text !== '')
const FLAG = oneOf(true, false)
const COUNT = rule('a whole number, not negative', isCount)
const DURATION = rule('a number, finite and not negative', (value) => Number.isFinite(value) && (value as number) >= 0)
const COUNTERS = rule('counts of events', (value) => isPlain(value) && Object.values(value).every(isCount))

/** Attributes of one value. */
const SCALARS: Readonly<Record<string, Rule>> = {
  specversion: oneOf('1.0'),
  id: NAME,
  source: repeated('a URI reference (RFC 3986), not empty', isUriReference),
  type: NAME,
  subject: NAME,
  time: string('a time (RFC 3339)', isTimestamp),
  datacontenttype: repeated('a media type (RFC 2046)', isMediaType),
  dataschema: repeated('a URI (RFC 3986)', isUri)
}

const REQUIRED = ['specversion', 'id', 'source', 'type', 'time'] as const

/** Attributes that have members, and the members known here. */
const STRUCTURES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  trace: {
    traceparent: string('a W3C traceparent', (text) => parseTraceparent(text) !== undefined),
    tracestate: string('a W3C tracestate', (text) => (parseTracestate(text)?.length ?? 0) > 0)
  },
  causality: { clock: COUNTERS, dependencies: COUNTERS },
  guarantee: {
    mode: oneOf(...CHARACTERISTICS.delivery),
    timeout: DURATION,
    retryStrategy: oneOf('fixed', 'linear', 'exponential'),
    maxRetries: COUNT,
    ordering: oneOf(...CHARACTERISTICS.ordering),
    group: TEXT,
    acknowledgmentRequired: FLAG,
    duplicateDetection: FLAG
  },
  routing: {
    pattern: oneOf('point-to-point', 'publish-subscribe', 'request-response', 'pipeline', 'gossip', 'consensus'),
    target: TEXT,
    instance: TEXT,
    peer: TEXT,
    topic: TEXT,
    pipeline: TEXT,
    correlation: TEXT,
    hops: COUNT,
    priority: oneOf(...CHARACTERISTICS.priority),
    key: TEXT
  },
  security: { principal: TEXT, token: TEXT, signature: rule('bytes', (value) => value instanceof Uint8Array) },
  qos: {
    deadline: DURATION,
    latency: oneOf('realtime', 'interactive', 'batch'),
    size: oneOf('small', 'medium', 'large'),
    consistency: oneOf(...CHARACTERISTICS.consistency)
  }
}

/** Members without which a structure means nothing. */
const REQUIRED_MEMBERS: Readonly<Record<string, string>> = { trace: 'traceparent', guarantee: 'mode' }

const ATTRIBUTES: readonly string[] = [...Object.keys(SCALARS), 'data', ...Object.keys(STRUCTURES), 'extensions']

/**
 * The attributes of a message that are set, as a plain object: a message may be one whose attributes are getters. Throws
 * `ERR_INVALID_MESSAGE` for what is no object, and for a plain one with an attribute that is none.
 */
export function attributesOf(message: Message): Record<string, unknown> {
  if (typeof message !== 'object' || message === null) throw noMessage()
  if (isPlain(message)) refuseOthers(message)
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
  if (!isPlain(value)) throw noMessage()
  for (const name of REQUIRED) if (value[name] === undefined) throw invalid(name, `${name} is missing`)
  refuseOthers(value)
  checkAttributes(value)
  return value as unknown as Message
}

function refuseOthers(value: object): void {
  for (const name of Object.keys(value)) {
    if (!ATTRIBUTES.includes(name)) throw invalid(name, `${name} is no attribute of a message`)
  }
}

/**
 * Checks the attributes of a message that are set, for whoever has some of them only; other members are no concern of
 * it. Throws `ERR_INVALID_MESSAGE` with `details.attribute`.
 */
export function checkAttributes(attributes: Readonly<Record<string, unknown>>): void {
  for (const name of ATTRIBUTES) {
    const value = attributes[name]
    if (value === undefined || name === 'data') continue
    if (Object.hasOwn(SCALARS, name)) obey(SCALARS[name]!, value, name, name)
    else if (name === 'extensions') checkExtensions(value)
    else checkStructure(name, value)
  }
}

function obey(rule: Rule, value: unknown, path: string, attribute: string): void {
  if (!rule.check(value)) throw invalid(attribute, `${path} must be ${rule.must}`)
}

function checkStructure(name: string, value: unknown): void {
  if (!isPlain(value)) throw invalid(name, `${name} must be a plain object`)
  const rules = STRUCTURES[name]!
  const required = REQUIRED_MEMBERS[name]
  if (required !== undefined && value[required] === undefined) throw invalid(name, `${name}.${required} is missing`)
  for (const member of Object.keys(value)) {
    if (value[member] === undefined) continue
    if (Object.hasOwn(rules, member)) obey(rules[member]!, value[member], `${name}.${member}`, name)
    else if (name === 'trace') throw invalid(name, `${name}.${member} is no member of a trace`)
  }
}

function checkExtensions(value: unknown): void {
  if (!isPlain(value)) throw invalid('extensions', 'extensions must be a plain object')
  for (const name of Object.keys(value)) {
    if (!isExtensionName(name)) throw invalid('extensions', `extensions.${name} must be named in a-z and 0-9 only`)
    if (RESERVED_NAMES.includes(name)) throw invalid('extensions', `extensions.${name} is an attribute of its own`)
    if (!isExtensionValue(value[name])) {
      throw invalid('extensions', `extensions.${name} must be text, a 32-bit integer or a boolean`)
    }
  }
}

function isExtensionValue(value: unknown): boolean {
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Object.is(value | 0, value))
  )
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function noMessage(): MeshError {
  return invalid('specversion', 'a message is an object with attributes')
}

export function invalid(attribute: string, problem: string): MeshError {
  return new MeshError('ERR_INVALID_MESSAGE', `no valid message: ${problem}`, { details: { attribute } })
}
