/** The CloudEvents envelope that every baseline carries, whole, in MessagePack. */
import { randomBytes } from 'node:crypto'
import { Packr } from 'msgpackr'
import type { Attributes, Tally } from '../harness/tally.ts'

export interface Envelope extends Attributes {
  traceparent: string
  data: Uint8Array
  /** The id that a reply answers. */
  correlation?: string
}

/** Plain MessagePack maps, as any other language reads them. */
export const packr = new Packr({ useRecords: false })

const hex = (bytes: number) => randomBytes(bytes).toString('hex')

/** A clock that formats a time once a millisecond: what a careful hand-written loop would do. */
function clock(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) text = new Date((at = now)).toISOString()
    return text
  }
}

/** Makes envelopes with an id, a time and a trace of their own, at next to no cost. */
export function envelopes(source: string, type: string): (data: Uint8Array, correlation?: string) => Envelope {
  const id = `0198c0de-${hex(2)}-7${hex(1)}0-8${hex(1)}0-${hex(2)}`
  const trace = `00-${hex(12)}`
  const span = `-${hex(4)}`
  const time = clock()
  let sequence = 0
  return (data, correlation) => {
    const n = (sequence++ + 0x1_0000_0000).toString(16).slice(1)
    const envelope: Envelope = {
      specversion: '1.0',
      id: id + n,
      source,
      type,
      subject: 'bench',
      time: time(),
      datacontenttype: 'application/octet-stream',
      traceparent: `${trace}${n}${span}${n}-01`,
      data
    }
    if (correlation !== undefined) envelope.correlation = correlation
    return envelope
  }
}

export function readEnvelope(bytes: Uint8Array, tally: Tally): Envelope {
  const envelope = packr.unpack(bytes) as Envelope
  tally.read(envelope, envelope.traceparent, envelope.data)
  return envelope
}
