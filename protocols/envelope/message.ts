/**
 * The message: a CloudEvents 1.0 event with the Phoenix extensions. Types only, so that every floor may import them.
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
  tracestate?: string
}

/** Either a vector clock or the direct dependencies; both map a producer to the last sequence number seen of it. */
export interface Causality {
  clock?: Record<string, number>
  dependencies?: Record<string, number>
}

export interface DeliveryGuarantee {
  mode: Delivery
  /** ms that one attempt may take. */
  timeout?: number
  retryStrategy?: RetryStrategy
  maxRetries?: number
  ordering?: Ordering
  acknowledgmentRequired?: boolean
  duplicateDetection?: boolean
}

export interface RoutingMetadata {
  pattern?: Pattern
  /** The name of the agent addressed. */
  target?: string
  /** The instance addressed, where the sender asked for one. */
  instance?: string
  /** The PeerId of the host addressed, where the sender asked for one. */
  peer?: string
  topic?: string
  pipeline?: string
  /** The id of the message that this one answers. */
  correlation?: string
  /** Hosts crossed so far. */
  hops?: number
  priority?: Priority
  /** Messages with one key go to one member, in order. */
  key?: string
}

/** Filled by the security layer; opaque to everybody else. */
export interface SecurityContext {
  principal?: string
  token?: string
  signature?: Uint8Array
  [extension: string]: unknown
}

export interface QosRequirements {
  /** Wall-clock ms since the epoch after which the message is worthless. */
  deadline?: number
  latency?: 'realtime' | 'interactive' | 'batch'
  size?: 'small' | 'medium' | 'large'
  consistency?: Consistency
}

export interface Message<T = unknown> {
  /** `'1.0'` on the wire, as CloudEvents demands. */
  specversion: '1.0'
  id: string
  source: string
  type: string
  subject?: string
  /** RFC 3339. */
  time: string
  datacontenttype?: string
  dataschema?: string
  data: T
  trace?: TraceContext
  causality?: Causality
  guarantee?: DeliveryGuarantee
  routing?: RoutingMetadata
  security?: SecurityContext
  qos?: QosRequirements
}
