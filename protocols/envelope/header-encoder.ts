import { BlockEncoder } from '../causality/block-encoder.ts'
import { MeshError } from '../errors.ts'
import { type AttributeSet, encodeAttributes, MAX_INTERNED_BYTES, MAX_SLOTS, packMap } from './attributes.ts'
import * as layout from './header-layout.ts'
import type { Extra, Outgoing } from './outgoing.ts'
import { MAX_VARINT, writeSigned, writeVarint } from './varint.ts'

/** Bound here, where they are constants to the compiler: an imported name is read anew at each use. */
const { Flag, FORMAT_SHIFT, MAX_EXTRA_BYTES, MAX_ID_BYTES, TRACE_BYTES } = layout

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
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
  readonly #standalone: boolean

  /** `standalone`: no message refers to those before it. */
  constructor(standalone = false) {
    this.#standalone = standalone
  }

  /** How many bytes `write` may need at most. Must precede each `write`. */
  measure(message: Outgoing): number {
    let size = FIXED_BYTES + message.data.length
    const { extra, trace } = message
    if (this.#standalone) {
      this.#ms = this.#counter = 0
      this.#stamps = undefined
    }
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
    if (this.#standalone) return 0
    const slot = this.#next
    this.#next = (slot + 1) % MAX_SLOTS
    const former = this.#owners[slot]
    if (former !== undefined) this.#slots.delete(former)
    this.#owners[slot] = attributes
    this.#slots.set(attributes, slot)
    return slot
  }
}

/** The ms of a time written exactly as `Date.toISOString` does, which the wire carries as a number. */
function canonicalMs(time: string): number | undefined {
  if (time.length !== 24) return undefined
  const ms = Date.parse(time)
  return ms >= 0 && new Date(ms).toISOString() === time ? ms : undefined
}
