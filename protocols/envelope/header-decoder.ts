import { isUtf8 } from 'node:buffer'
import { BlockDecoder } from '../causality/block-decoder.ts'
import { MeshError } from '../errors.ts'
import {
  type AttributeSet,
  checkReceived,
  decodeAttributes,
  MAX_INTERNED_BYTES,
  MAX_SET_BYTES,
  MAX_SLOTS,
  unpackMap
} from './attributes.ts'
import * as layout from './header-layout.ts'
import { DataCode, type Extra } from './outgoing.ts'
import { receivedTrace } from './trace.ts'
import { Cursor } from './varint.ts'
import { WireMessage } from './wire-message.ts'

/** Bound here, where they are constants to the compiler: an imported name is read anew at each use. */
const { Flag, FORMAT_MASK, FORMAT_SHIFT, MAX_EXTRA_BYTES, MAX_ID_BYTES, TRACE_BYTES } = layout

/** ms since the epoch at which RFC 3339 ends: the year 10000. */
const END_OF_TIME = 253_402_300_800_000

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
  if (extra.sequence !== undefined) checkPlace(extra)
  if (traceparent !== undefined && receivedTrace(traceparent) === undefined) delete extra.traceparent
  if (tracestate !== undefined && receivedTrace(SOME_TRACE, tracestate)?.tracestate === undefined) {
    delete extra.tracestate
  }
  return extra
}

/** In total order. */
function checkPlace({ sequence, settled = 0, series }: Extra): void {
  const placed = isWhole(sequence, 1) && isWhole(settled, 0) && settled < sequence
  if (!placed || (series !== undefined && series !== 'all')) throw new MeshError('ERR_MALFORMED', 'a place in no order')
}

function isWhole(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least
}

const SOME_TRACE = '00-00000000000000000000000000000001-0000000000000001-00'
