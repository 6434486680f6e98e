import { MeshError } from '../errors.ts'

/**
 * LEB128 on bytes: seven bits a byte, least significant first. `Cursor` is one position shared by a chain of reads, so
 * that the hot path makes no object for each number.
 */
export class Cursor {
  bytes: Uint8Array = new Uint8Array(0)
  position = 0

  open(bytes: Uint8Array): this {
    this.bytes = bytes
    this.position = 0
    return this
  }

  /** Up to 2^53 - 1; `ERR_MALFORMED` beyond it and past the end. */
  varint(): number {
    const { bytes } = this
    let byte = bytes[this.position++]!
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    let factor = 0x80
    for (let i = 0; i < 7; i++) {
      byte = bytes[this.position++]!
      if (byte === undefined) break
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      factor *= 0x80
    }
    throw new MeshError('ERR_MALFORMED', 'a number does not end')
  }

  /** A signed number, zigzag coded. */
  signed(): number {
    const n = this.varint()
    return n % 2 === 0 ? n / 2 : -(n + 1) / 2
  }

  byte(): number {
    const byte = this.bytes[this.position++]
    if (byte === undefined) throw new MeshError('ERR_MALFORMED', 'a frame ends too early')
    return byte
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    const end = this.position + length
    if (end > this.bytes.length) throw new MeshError('ERR_MALFORMED', 'a frame ends too early')
    const view = this.bytes.subarray(this.position, end)
    this.position = end
    return view
  }

  rest(): Uint8Array {
    return this.bytes.subarray(this.position)
  }
}

/** Bytes that one number can take. */
export const MAX_VARINT = 8

/** Up to here the processor's own shifts do: the remainder of a larger number is a call. */
const MOST_SHIFTED = 0x7fff_ffff

export function writeVarint(out: Uint8Array, position: number, value: number): number {
  while (value > MOST_SHIFTED) {
    const high = Math.floor(value / 0x80)
    out[position++] = (value - high * 0x80) | 0x80
    value = high
  }
  while (value >= 0x80) {
    out[position++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  out[position++] = value
  return position
}

/** A text behind its length in bytes. Short ones of ASCII, as most are, cost no call. */
export function writeText(out: Buffer, position: number, text: string): number {
  const { length } = text
  let at = writeVarint(out, position, length)
  if (length < SHORT_TEXT) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      out[at + i] = code
    }
    if (i === length) return at + length
  }
  at = writeVarint(out, position, Buffer.byteLength(text))
  return at + out.write(text, at, 'utf8')
}

/** Characters up to which a loop beats a call. A guess. */
const SHORT_TEXT = 64

export function writeSigned(out: Uint8Array, position: number, value: number): number {
  return writeVarint(out, position, value < 0 ? -value * 2 - 1 : value * 2)
}
