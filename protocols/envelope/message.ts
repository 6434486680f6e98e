/**
 * The message: a CloudEvents 1.0 event with the Phoenix extensions. Types only, so that every floor may import them.
 *
 * A received message reads its attributes lazily from the wire: take them by name; a spread (`{ ...message }`) sees none.
 */

export type Delivery = 'at-most-once' | 'at-least-once' | 'exactly-once'
export type Ordering = 'none' | 'causal' | 'total'
export type Consistency = 'eventual' | 'causal' | 'strong'
export type Priority = 'low' | 'normal' | 'high' | 'critical'
export type RetryStrategy = 'fixed' | 'linear' | 'exponential'
export type Pattern = 'point-to-point' | 'publish-subscribe' | 'request-response' | 'pipeline' | 'gossip' | 'consensus'
export type Format = 'messagepack' | 'protobuf' | 'json' | 'erlang-term'

/** What a message type asks of the mesh; see `characteristicsOf`. */
export interface Characteristics {
  priority: Priority
  consistency: Consistency
  ordering: Ordering
  delivery: Delivery
}

/** W3C Trace Context, as its two headers. */
export interface TraceContext {
  traceparent: string
  tracestate?: string | undefined
}

/** Either a vector clock or the direct dependencies; both map a producer to the last sequence number seen of it. */
export interface Causality {
  clock?: Record<string, number> | undefined
  dependencies?: Record<string, number> | undefined
}

export interface DeliveryGuarantee {
  mode: Delivery
  /** ms that one attempt may take. */
  timeout?: number | undefined
  retryStrategy?: RetryStrategy | undefined
  maxRetries?: number | undefined
  ordering?: Ordering | undefined
  /** The group of hosts that gives the total order. */
  group?: string | undefined
  acknowledgmentRequired?: boolean | undefined
  duplicateDetection?: boolean | undefined
}

export interface RoutingMetadata {
  pattern?: Pattern | undefined
  /** The name of the agent addressed. */
  target?: string | undefined
  /** The instance addressed, where the sender asked for one. */
  instance?: string | undefined
  /** The PeerId of the host addressed, where the sender asked for one. */
  peer?: string | undefined
  topic?: string | undefined
  pipeline?: string | undefined
  /** The id of the message that this one answers. */
  correlation?: string | undefined
  /** Hosts crossed so far. */
  hops?: number | undefined
  priority?: Priority | undefined
  /** Messages with one key go to one member, in order. */
  key?: string | undefined
}

/** Filled by the security layer; opaque to everybody else. */
export interface SecurityContext {
  principal?: string | undefined
  token?: string | undefined
  signature?: Uint8Array | undefined
  [extension: string]: unknown
}

export interface QosRequirements {
  /** Wall-clock ms since the epoch after which the message is worthless. */
  deadline?: number | undefined
  latency?: 'realtime' | 'interactive' | 'batch' | undefined
  size?: 'small' | 'medium' | 'large' | undefined
  consistency?: Consistency | undefined
}

/** A number is a 32-bit integer; the other types of CloudEvents (bytes, URI, time) are their canonical text. */
export type ExtensionValue = string | number | boolean

// biome-ignore lint/suspicious/noExplicitAny: what a message carries is the agents' own agreement
export type Payload = any

export interface Message<T = unknown> {
  /** `'1.0'` on the wire, as CloudEvents demands. */
  specversion: '1.0'
  id: string
  source: string
  type: string
  subject?: string | undefined
  /** RFC 3339. */
  time: string
  datacontenttype?: string | undefined
  dataschema?: string | undefined
  data: T
  trace?: TraceContext | undefined
  causality?: Causality | undefined
  guarantee?: DeliveryGuarantee | undefined
  routing?: RoutingMetadata | undefined
  security?: SecurityContext | undefined
  qos?: QosRequirements | undefined
  /**
   * CloudEvents extension attributes of other systems, passed on as they came; names are `[a-z0-9]` only. `sequence` (the
   * CloudEvents extension) is the number of a message in total order, in 16 digits, so that texts compare as numbers do.
   */
  extensions?: Record<string, ExtensionValue> | undefined
}
