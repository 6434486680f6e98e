import { isUtf8 } from 'node:buffer'
import { BlockDecoder } from '../causality/block-decoder.ts'
import { BlockEncoder } from '../causality/block-encoder.ts'
import { MeshError } from '../errors.ts'
import {
  type AttributeSet,
  checkReceived,
  decodeAttributes,
  encodeAttributes,
  MAX_INTERNED_BYTES,
  MAX_SET_BYTES,
  MAX_SLOTS,
  packMap,
  unpackMap
} from './attributes.ts'
import { DataCode, type Extra, type Outgoing } from './outgoing.ts'
import { receivedTrace } from './trace.ts'
import { Cursor, MAX_VARINT, writeSigned, writeVarint } from './varint.ts'
import { WireMessage } from './wire-message.ts'

/**
 * The binary header: how an envelope travels on a stream. See README.md, "On a stream".
 *
 *     flags(1) slot [set] id [time] [trace] [extra] [stamp] data…
 *
 * Ids and times are written as differences to the message before, so both ends keep the same few numbers and must see
 * every header of the stream, in order.
 */
const Flag = { define: 0x01, literalId: 0x02, time: 0x04, trace: 0x08, extra: 0x10, stamp: 0x80 } as const
const FORMAT_SHIFT = 5
const FORMAT_MASK = 3

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
const TRACE_BYTES = 25
/** Bytes of an id that its sender made up. A guess: UUIDs and URLs fit. */
export const MAX_ID_BYTES = 1024
const MAX_EXTRA_BYTES = 16_384
/** ms since the epoch at which RFC 3339 ends: the year 10000. */
const END_OF_TIME = 253_402_300_800_000
const FIXED_BYTES = 1 + MAX_VARINT * 8 + TRACE_BYTES

/** Definitions already written, so that a set is packed once for all streams. */
const definitions = new WeakMap<AttributeSet, Uint8Array>()

/** Throws `ERR_MESSAGE_TOO_LARGE`, or `ERR_UNREPRESENTABLE` for text that is no well-formed Unicode. */
export function definitionOf(attributes: AttributeSet): Uint8Array {
  let definition = definitions.get(attributes)
  if (definition === undefined) {
    definition = encodeAttributes(attributes)
    definitions.set(attributes, definition)
  }
  return definition
}

/** The writing end of one direction of one stream. */
export class HeaderEncoder {
  readonly #slots = new Map<AttributeSet, number>()
  readonly #owners: AttributeSet[] = []
  #next = 0
  #ms = 0
  #counter = 0
  #definition: Uint8Array | undefined
  #extra: Uint8Array | undefined
  #stamps: BlockEncoder | undefined

  /** How many bytes `write` may need at most. Must precede each `write`. */
  measure(message: Outgoing): number {
    let size = FIXED_BYTES + message.data.length
    const { extra, trace } = message
    if (this.#slots.has(message.attributes)) {
      this.#definition = undefined
    } else {
      this.#definition = definitionOf(message.attributes)
      size += this.#definition.length
    }
    if (message.id !== undefined) {
      const length = Buffer.byteLength(message.id)
      if (length > MAX_ID_BYTES)
        throw new MeshError('ERR_INVALID_MESSAGE', `id takes ${length} bytes, at most ${MAX_ID_BYTES} fit`)
      size += length
    }
    if (extra !== undefined || message.time !== undefined || trace !== undefined) {
      this.#extra = this.#packExtra(message)
      if (this.#extra !== undefined) size += this.#extra.length
    } else {
      this.#extra = undefined
    }
    if (message.stamp !== undefined) size += (this.#stamps ??= new BlockEncoder()).measure(message.stamp)
    return size
  }

  /** Writes header and data at `position`; returns the position behind them. */
  write(out: Buffer, start: number, message: Outgoing): number {
    const { attributes, trace, data } = message
    let flags = message.code << FORMAT_SHIFT
    let at = start + 1

    const definition = this.#definition
    if (definition === undefined) {
      at = writeVarint(out, at, this.#slots.get(attributes)!)
    } else {
      flags |= Flag.define
      at = writeVarint(out, at, this.#allocate(attributes, definition.length))
      at = writeVarint(out, at, definition.length)
      out.set(definition, at)
      at += definition.length
    }

    if (message.id === undefined) {
      at = writeSigned(out, at, message.ms - this.#ms)
      at = writeSigned(out, at, message.counter - this.#counter)
      this.#ms = message.ms
      this.#counter = message.counter
    } else {
      flags |= Flag.literalId
      const length = Buffer.byteLength(message.id)
      at = writeVarint(out, at, length)
      at += out.write(message.id, at, length, 'utf8')
    }

    if (message.time !== undefined) {
      const ms = canonicalMs(message.time)
      if (ms !== undefined) {
        flags |= Flag.time
        at = writeSigned(out, at, ms - this.#ms)
        if (message.id !== undefined) this.#ms = ms
      }
    }

    if (trace !== undefined && TRACEPARENT.test(trace.traceparent)) {
      flags |= Flag.trace
      const text = trace.traceparent
      out.write(text.slice(3, 35) + text.slice(36, 52) + text.slice(53), at, TRACE_BYTES, 'hex')
      at += TRACE_BYTES
    }

    const extra = this.#extra
    if (extra !== undefined) {
      flags |= Flag.extra
      at = writeVarint(out, at, extra.length)
      out.set(extra, at)
      at += extra.length
    }

    if (message.stamp !== undefined) {
      flags |= Flag.stamp
      at = this.#stamps!.write(out, at, message.stamp)
    }

    out[start] = flags
    out.set(data, at)
    return at + data.length
  }

  #packExtra(message: Outgoing): Uint8Array | undefined {
    const extra: Extra = { ...message.extra }
    if (message.time !== undefined && canonicalMs(message.time) === undefined) extra.time = message.time
    if (message.trace?.tracestate !== undefined) extra.tracestate = message.trace.tracestate
    if (message.trace !== undefined && !TRACEPARENT.test(message.trace.traceparent)) {
      extra.traceparent = message.trace.traceparent
    }
    for (const name in extra) if (extra[name] === undefined) delete extra[name]
    if (Object.keys(extra).length === 0) return undefined
    const bytes = packMap(extra)
    if (bytes.length > MAX_EXTRA_BYTES) {
      throw new MeshError(
        'ERR_MESSAGE_TOO_LARGE',
        `the header takes ${bytes.length} bytes, at most ${MAX_EXTRA_BYTES} fit`
      )
    }
    return bytes
  }

  /** The slot for a set, round robin; MAX_SLOTS stands for "this message only". */
  #allocate(attributes: AttributeSet, bytes: number): number {
    if (bytes > MAX_INTERNED_BYTES) return MAX_SLOTS
    const slot = this.#next
    this.#next = (slot + 1) % MAX_SLOTS
    const former = this.#owners[slot]
    if (former !== undefined) this.#slots.delete(former)
    this.#owners[slot] = attributes
    this.#slots.set(attributes, slot)
    return slot
  }
}

/** The reading end of one direction of one stream. Every defect throws `ERR_MALFORMED`. */
export class HeaderDecoder {
  readonly #slots: (AttributeSet | undefined)[] = []
  readonly #cursor = new Cursor()
  readonly #known: Map<string, AttributeSet> | undefined
  readonly #knownLimit: number
  #stamps: BlockDecoder | undefined
  #ms = 0
  #counter = 0
  /** Whether the message read last has a place in the causal order: then `stamp` has it. */
  stamped = false

  /** `known`: definitions already read, by their bytes, where one set is spelled out again and again. */
  constructor(known?: Map<string, AttributeSet>, knownLimit = 0) {
    this.#known = known
    this.#knownLimit = knownLimit
  }

  /** Of the message read last, where that is `stamped`. */
  get stamp(): BlockDecoder {
    return this.#stamps!
  }

  /** `body` is kept by the message, which reads it lazily: see `WireMessage.detach`. The header begins at `from`. */
  read(body: Uint8Array, from = 0): WireMessage {
    const cursor = this.#cursor.open(body)
    cursor.position = from
    const flags = cursor.byte()
    const slot = cursor.varint()
    let attributes = this.#slots[slot]
    if ((flags & Flag.define) !== 0) attributes = this.#define(slot)
    if (attributes === undefined) throw new MeshError('ERR_MALFORMED', `slot ${slot} holds no attribute set`)

    let id: string | undefined
    if ((flags & Flag.literalId) === 0) {
      if (attributes.lineage === undefined) throw new MeshError('ERR_MALFORMED', 'a compact id has no lineage')
      this.#ms = bounded(this.#ms + cursor.signed(), END_OF_TIME)
      this.#counter = bounded(this.#counter + cursor.signed(), 2 ** 32)
    } else {
      const length = cursor.varint()
      if (length === 0 || length > MAX_ID_BYTES) throw new MeshError('ERR_MALFORMED', `an id of ${length} bytes`)
      const text = cursor.take(length)
      // Replacement characters would make one id of many.
      if (!isUtf8(text)) throw new MeshError('ERR_MALFORMED', 'an id that is no UTF-8')
      id = Buffer.from(text).toString('utf8')
    }
    let time = this.#ms
    if ((flags & Flag.time) !== 0) {
      time = bounded(time + cursor.signed(), END_OF_TIME)
      if (id !== undefined) this.#ms = time
    }
    let traceAt = -1
    if ((flags & Flag.trace) !== 0) {
      traceAt = cursor.position
      cursor.take(TRACE_BYTES)
    }
    let extra: Extra | undefined
    if ((flags & Flag.extra) !== 0) {
      const length = cursor.varint()
      if (length > MAX_EXTRA_BYTES) throw new MeshError('ERR_MALFORMED', `a header block of ${length} bytes`)
      extra = checkExtra(unpackMap(cursor.take(length)))
    }
    this.stamped = (flags & Flag.stamp) !== 0
    if (this.stamped) (this.#stamps ??= new BlockDecoder()).read(cursor)
    const code = (flags >> FORMAT_SHIFT) & FORMAT_MASK
    if (code > DataCode.json) throw new MeshError('ERR_MALFORMED', `data in the unknown format ${code}`)
    return new WireMessage(
      attributes,
      id,
      this.#ms,
      this.#counter,
      time,
      extra,
      body,
      traceAt,
      cursor.position,
      code as DataCode
    )
  }

  #define(slot: number): AttributeSet {
    const length = this.#cursor.varint()
    if (slot > MAX_SLOTS || length > MAX_SET_BYTES)
      throw new MeshError('ERR_MALFORMED', 'an attribute set out of bounds')
    const attributes = this.#parse(this.#cursor.take(length))
    if (slot < MAX_SLOTS) {
      if (length > MAX_INTERNED_BYTES) throw new MeshError('ERR_MALFORMED', 'an interned attribute set is too large')
      this.#slots[slot] = attributes
    }
    return attributes
  }

  #parse(definition: Uint8Array): AttributeSet {
    const known = this.#known
    if (known === undefined) return decodeAttributes(definition)
    const key = Buffer.from(definition.buffer, definition.byteOffset, definition.length).toString('latin1')
    let attributes = known.get(key)
    if (attributes === undefined) {
      attributes = decodeAttributes(definition)
      if (known.size >= this.#knownLimit) known.delete(known.keys().next().value!)
      known.set(key, attributes)
    }
    return attributes
  }
}

function bounded(value: number, limit: number): number {
  if (value < 0 || value >= limit) throw new MeshError('ERR_MALFORMED', 'an id or a time is out of range')
  return value
}

/** What is said of the trace and cannot be read is dropped; anything else is refused. */
function checkExtra(extra: Extra): Extra {
  const { time, causality, security, correlation, key, hops, deadline, traceparent, tracestate } = extra
  const routing = { correlation, key, hops }
  checkReceived({ time, causality, security, routing, qos: { deadline } })
  if (traceparent !== undefined && receivedTrace(traceparent) === undefined) delete extra.traceparent
  if (tracestate !== undefined && receivedTrace(SOME_TRACE, tracestate)?.tracestate === undefined) {
    delete extra.tracestate
  }
  return extra
}

const SOME_TRACE = '00-00000000000000000000000000000001-0000000000000001-00'

/** The ms of a time written exactly as `Date.toISOString` does, which the wire carries as a number. */
function canonicalMs(time: string): number | undefined {
  if (time.length !== 24) return undefined
  const ms = Date.parse(time)
  return ms >= 0 && new Date(ms).toISOString() === time ? ms : undefined
}
