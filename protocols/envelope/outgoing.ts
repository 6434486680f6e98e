import type { OutgoingStamp } from '../causality/messages.ts'
import type { AttributeSet } from './attributes.ts'
import type { TraceContext } from './message.ts'

/** How `data` is written; the number on the wire. */
export const DataCode = { none: 0, bytes: 1, messagepack: 2, json: 3 } as const
export type DataCode = (typeof DataCode)[keyof typeof DataCode]

/** Per-message attributes that are rare enough to travel as a MessagePack map. */
export interface Extra {
  time?: string | undefined
  tracestate?: string | undefined
  traceparent?: string | undefined
  causality?: unknown
  correlation?: string | undefined
  key?: string | undefined
  hops?: number | undefined
  deadline?: number | undefined
  /** Its place in total order: from 1 on. */
  sequence?: number | undefined
  /** Of the same sequence: its sender knows that all up to here have met their end. Left out: 0. */
  settled?: number | undefined
  /** The sequence is of what goes to all members of a name, not of what goes to one. */
  series?: 'all' | undefined
  /** Attribute blocks that replace the set's own for this message only. */
  [name: string]: unknown
}

/** A message ready to be written. Either `id`, or `ms` and `counter` under the set's lineage. */
export interface Outgoing {
  attributes: AttributeSet
  id: string | undefined
  ms: number
  counter: number
  /** RFC 3339; undefined where it is the id's own ms. */
  time: string | undefined
  /** Undefined where the message starts a trace: then its id is the trace id. */
  trace: TraceContext | undefined
  extra: Extra | undefined
  /** Its place in the causal order; undefined for a message that has none. */
  stamp?: OutgoingStamp | undefined
  code: DataCode
  data: Uint8Array
}
