import type { AttributeSet } from './attributes.ts'
import { copyFrom } from './copy.ts'
import { decodeData } from './data.ts'
import { formatId, formatTrace } from './id.ts'
import type {
  Causality,
  DeliveryGuarantee,
  Message,
  QosRequirements,
  RoutingMetadata,
  SecurityContext,
  TraceContext
} from './message.ts'
import type { DataCode, Extra, Outgoing } from './outgoing.ts'
import { digitsOf } from './trace.ts'

let cachedMs = -1
let cachedIso = ''

/** RFC 3339 with ms; messages come in bursts, so the last text serves most calls. */
function isoTime(ms: number): string {
  if (ms !== cachedMs) {
    cachedIso = new Date(ms).toISOString()
    cachedMs = ms
  }
  return cachedIso
}

/**
 * The trace that a message starts: its own id is the trace id, the id's second half its span. So a message that has no
 * parent needs no byte of trace on the wire. `ours`: the id was made here, not given by a caller.
 */
export function rootTrace(id: string, ours: boolean): TraceContext {
  const hex = digitsOf(id, ours)
  return { traceparent: `00-${hex}-${hex.slice(16)}-00` }
}

/** The next span of a trace: named by the second half of the id of its message, which no other has. */
export function nextSpan({ traceparent, tracestate }: TraceContext, id: string, ours: boolean): TraceContext {
  const span = ours ? id.slice(19, 23) + id.slice(24) : digitsOf(id, false).slice(16)
  const next = `${traceparent.slice(0, 36)}${span}${traceparent.slice(52)}`
  return withState(next, tracestate)
}

/** What of a request its reply refers to. */
export interface Answered {
  readonly id: string
  readonly trace?: TraceContext | undefined
}

/** By `DataCode`. */
export const DATA_FORMATS = ['none', 'bytes', 'messagepack', 'json'] as const
const UNREAD = Symbol('unread')
const TRACE_BYTES = 25
/** W3C Trace Context: a trace id or a span id of zeros is none. */
const NO_TRACE = /^0{32}|^.{32}0{16}/
const EMPTY = new Uint8Array(0)

/** A message as it came from a stream: attributes and data are read when they are asked for, and once. */
export class WireMessage implements Message {
  /** The set shared by the messages of this conversation. */
  readonly attributes: AttributeSet
  readonly #ms: number
  readonly #counter: number
  readonly #time: number
  /** The rare attributes; undefined for most messages. */
  readonly extra: Extra | undefined
  readonly #dataAt: number
  readonly #code: DataCode
  /** Bytes that it took on the wire. */
  readonly byteLength: number
  /** Where 25 bytes of trace begin in `#body`, or -1. */
  #traceAt: number
  #body: Uint8Array
  /** The id is its sender's own, not made of the numbers. */
  readonly #given: boolean
  #id: string | undefined
  #data: unknown = UNREAD
  #request: Answered | undefined
  /** What it waited for, by producer, before it could be handed out in causal order. */
  waited: Readonly<Record<string, number>> | undefined

  constructor(
    attributes: AttributeSet,
    id: string | undefined,
    ms: number,
    counter: number,
    time: number,
    extra: Extra | undefined,
    body: Uint8Array,
    traceAt: number,
    dataAt: number,
    code: DataCode
  ) {
    this.attributes = attributes
    this.#id = id
    this.#given = id !== undefined
    this.#ms = ms
    this.#counter = counter
    this.#time = time
    this.extra = extra
    this.#body = body
    this.byteLength = body.length
    this.#traceAt = traceAt
    this.#dataAt = dataAt
    this.#code = code
  }

  get specversion(): '1.0' {
    return '1.0'
  }
  get id(): string {
    return (this.#id ??= formatId(this.#ms, this.#counter, this.attributes.lineage!))
  }
  get source(): string {
    return this.attributes.source
  }
  get type(): string {
    return this.attributes.type
  }
  get subject(): string | undefined {
    return this.attributes.subject
  }
  get time(): string {
    return this.extra?.time ?? isoTime(this.#time)
  }
  get datacontenttype(): string | undefined {
    return this.attributes.datacontenttype
  }
  get dataschema(): string | undefined {
    return this.attributes.dataschema
  }

  get data(): unknown {
    if (this.#data === UNREAD) {
      const body = this.#body
      // A small message must not keep the chunk alive that it shares with hundreds of others.
      const shared = body.buffer.byteLength > 2 * body.length + 1024
      const bytes = shared ? copyFrom(body, this.#dataAt) : body.subarray(this.#dataAt)
      this.#data = decodeData(bytes, DATA_FORMATS[this.#code])
    }
    return this.#data
  }

  get trace(): TraceContext | undefined {
    const at = this.#traceAt
    const extra = this.extra
    const hex = at < 0 ? '' : Buffer.from(this.#body.buffer, this.#body.byteOffset + at, TRACE_BYTES).toString('hex')
    if (at < 0 || NO_TRACE.test(hex)) {
      if (extra?.traceparent !== undefined) return withState(extra.traceparent, extra.tracestate)
      if (this.attributes.lineage === undefined) return undefined
      const request = this.#request?.trace
      if (request !== undefined) return nextSpan(request, this.id, !this.#given)
      if (this.#given) return rootTrace(this.id, false)
      return { traceparent: formatTrace(this.#ms, this.#counter, this.attributes.lineage) }
    }
    return withState(`00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-${hex.slice(48)}`, extra?.tracestate)
  }

  get causality(): Causality | undefined {
    const said = this.extra?.causality as Causality | undefined
    return this.waited === undefined ? said : { ...said, dependencies: { ...this.waited } }
  }
  get guarantee(): DeliveryGuarantee | undefined {
    return this.attributes.guarantee
  }
  get extensions(): Message['extensions'] {
    const sequence = this.extra?.sequence
    if (sequence === undefined) return this.attributes.extensions
    return { ...this.attributes.extensions, sequence: `${sequence}`.padStart(16, '0') }
  }
  get security(): SecurityContext | undefined {
    return (this.extra?.['security'] as SecurityContext | undefined) ?? this.attributes.security
  }

  /** Notes what this message answers: the stream knew, so the wire did not say it. */
  answers(request: Answered): this {
    this.#request = request
    return this
  }

  /** Puts something in the place of the data: a stream that follows in frames of its own, or what was never encoded. */
  carry(data: unknown): void {
    this.#data = data
  }

  get routing(): RoutingMetadata | undefined {
    const extra = this.extra
    const shared = this.attributes.routing
    const correlation = this.#request?.id ?? extra?.correlation
    const key = extra?.key
    const hops = extra?.hops
    if (correlation === undefined && key === undefined && hops === undefined) return shared
    const routing: RoutingMetadata = { ...shared }
    if (correlation !== undefined) routing.correlation = correlation
    if (key !== undefined) routing.key = key
    if (hops !== undefined) routing.hops = hops
    return routing
  }

  get qos(): QosRequirements | undefined {
    const deadline = this.extra?.deadline
    return deadline === undefined ? this.attributes.qos : { ...this.attributes.qos, deadline }
  }

  /** Reads the data, so that bytes which are none fail here (`ERR_MALFORMED`), and lets go of the chunk they came in. */
  detach(): this {
    void this.data
    if (this.#traceAt >= 0 && this.#body.length > TRACE_BYTES) {
      this.#body = Uint8Array.prototype.slice.call(this.#body, this.#traceAt, this.#traceAt + TRACE_BYTES)
      this.#traceAt = 0
    } else if (this.#traceAt < 0) {
      this.#body = EMPTY
    }
    return this
  }

  /** Lets go of the data: it is kept elsewhere, and nobody reads it here. */
  forget(): void {
    this.#data = undefined
    this.#body = EMPTY
    this.#traceAt = -1
  }

  /** The message as it was written, to be sent on: its data stays encoded. Before `detach`. */
  outgoing(): Outgoing {
    const body = this.#body
    const traced = this.#traceAt >= 0 || this.extra?.traceparent !== undefined
    return {
      attributes: this.attributes,
      id: this.#given ? this.#id : undefined,
      ms: this.#ms,
      counter: this.#counter,
      time: this.#given || this.#time !== this.#ms ? this.time : undefined,
      trace: traced ? this.trace : undefined,
      extra: this.extra,
      code: this.#code,
      data: body.subarray(this.#dataAt)
    }
  }

  /** A plain object with all that is set: what to spread, clone or print. */
  toJSON(): Message {
    const message: Record<string, unknown> = {}
    for (const name of ATTRIBUTES) {
      const value = this[name]
      if (value !== undefined || name === 'data') message[name] = value
    }
    return message as unknown as Message
  }

  [Symbol.for('nodejs.util.inspect.custom')](): Message {
    return this.toJSON()
  }
}

const ATTRIBUTES = [
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
  'data',
  'trace',
  'causality',
  'guarantee',
  'routing',
  'security',
  'qos',
  'extensions'
] as const

function withState(traceparent: string, tracestate: string | undefined): TraceContext {
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate }
}
