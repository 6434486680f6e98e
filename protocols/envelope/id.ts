/**
 * Message ids: UUID version 7 (RFC 9562), so that ids sort by time as text.
 *
 * An id is three numbers: the ms of its making (48 bits), a counter (32 bits, RFC 9562 §6.2 method 1) and the lineage
 * of its source (42 random bits). A source keeps its lineage for life, so a stream that knows the lineage carries the
 * id of the next message in two or three bytes: see `header.ts`.
 *
 *     tttttttt-tttt-7ccc-Vccc-ccLLLLLLLLLL      t time, c counter, V variant with two bits of lineage, L lineage
 */

const HEX2 = Array.from({ length: 0x100 }, (_, n) => n.toString(16).padStart(2, '0'))
const HEX3 = Array.from({ length: 0x1000 }, (_, n) => n.toString(16).padStart(3, '0'))
const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const LINEAGE = /^[89ab][0-9a-f]{10}$/

/** The variant digit and ten lineage digits, for example `'a0123456789'`. */
export type Lineage = string

export interface CompactId {
  ms: number
  counter: number
  lineage: Lineage
}

let cachedMs = -1
let cachedTime = ''
let cachedDigits = ''

/** Ids come in bursts: the text of the ms serves many. */
function remember(ms: number): void {
  if (ms === cachedMs) return
  cachedDigits = ms.toString(16).padStart(12, '0') + '7'
  cachedTime = `${cachedDigits.slice(0, 8)}-${cachedDigits.slice(8, 12)}-7`
  cachedMs = ms
}

export function formatId(ms: number, counter: number, lineage: Lineage): string {
  remember(ms)
  return (
    cachedTime +
    HEX3[counter >>> 20] +
    '-' +
    lineage[0] +
    HEX3[(counter >>> 8) & 0xfff] +
    '-' +
    HEX2[counter & 0xff] +
    lineage.slice(1)
  )
}

/** The id's digits as a W3C traceparent: the whole as trace id, the second half as the span, not sampled. */
export function formatTrace(ms: number, counter: number, lineage: Lineage): string {
  remember(ms)
  const half = lineage[0]! + HEX3[(counter >>> 8) & 0xfff] + HEX2[counter & 0xff] + lineage.slice(1)
  return '00-' + cachedDigits + HEX3[counter >>> 20] + half + '-' + half + '-00'
}

/** The three numbers of a canonical id, or undefined for any other text. */
export function parseId(id: string): CompactId | undefined {
  if (id.length !== 36 || !CANONICAL.test(id)) return undefined
  const counter =
    parseInt(id.slice(15, 18), 16) * 0x100000 + (parseInt(id.slice(20, 23), 16) << 8) + parseInt(id.slice(24, 26), 16)
  return { ms: parseInt(id.slice(0, 8) + id.slice(9, 13), 16), counter, lineage: id[19] + id.slice(26) }
}

export function isLineage(text: string): boolean {
  return LINEAGE.test(text)
}

/** Makes ids that are unique and rise strictly, even where the clock stands still or steps back. */
export class IdSource {
  readonly lineage: Lineage
  /** The last id made: read after `next`. */
  ms = 0
  counter: number

  /** `entropy`: at least 8 random bytes. */
  constructor(entropy: Uint8Array) {
    const hex = Array.from(entropy.subarray(0, 8), (byte) => HEX2[byte])
    this.lineage = '89ab'[entropy[0]! & 3]! + hex.slice(1, 6).join('')
    this.counter = (entropy[6]! << 8) | entropy[7]!
  }

  /** Advances to the next id; `now` is wall-clock ms. */
  next(now: number): void {
    if (now > this.ms) this.ms = now
    this.counter = (this.counter + 1) >>> 0
    if (this.counter === 0) this.ms++
  }

  text(): string {
    return formatId(this.ms, this.counter, this.lineage)
  }
}

const shared = new IdSource(crypto.getRandomValues(new Uint8Array(8)))

/** An id for a message made outside any node. */
export function newId(now: number): string {
  shared.next(now)
  return shared.text()
}
