/** Bytes of a text whose length is in its first byte. */
const SHORT_TEXT = 31

/** Of ASCII, and so short that its length is in its first byte. */
export function isShort(text: string): boolean {
  if (text.length > SHORT_TEXT) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

/** Writes MessagePack into bytes that are long enough: who makes it has reckoned from above. */
export class Writer {
  readonly #bytes: Buffer
  #at = 0

  constructor(bound: number) {
    this.#bytes = Buffer.allocUnsafe(bound)
  }

  byte(byte: number): void {
    this.#bytes[this.#at++] = byte
  }

  list(length: number): void {
    if (length < 16) {
      this.byte(0x90 | length)
      return
    }
    this.byte(0xdc)
    this.#at = this.#bytes.writeUInt16BE(length, this.#at)
  }

  /** Not negative. */
  whole(value: number): void {
    if (value < 0x80) {
      this.byte(value)
    } else if (value < 0x100) {
      this.byte(0xcc)
      this.byte(value)
    } else if (value < 0x10000) {
      this.byte(0xcd)
      this.#at = this.#bytes.writeUInt16BE(value, this.#at)
    } else if (value < 0x100000000) {
      this.byte(0xce)
      this.#at = this.#bytes.writeUInt32BE(value, this.#at)
    } else {
      this.byte(0xcb)
      this.#at = this.#bytes.writeDoubleBE(value, this.#at)
    }
  }

  /** A short one. */
  text(text: string): void {
    this.byte(0xa0 | text.length)
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i))
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    if (length < 0x100) {
      this.byte(0xc4)
      this.byte(length)
    } else if (length < 0x10000) {
      this.byte(0xc5)
      this.#at = this.#bytes.writeUInt16BE(length, this.#at)
    } else {
      this.byte(0xc6)
      this.#at = this.#bytes.writeUInt32BE(length, this.#at)
    }
    this.#bytes.set(bytes, this.#at)
    this.#at += length
  }

  finish(): Uint8Array {
    const { buffer, byteOffset } = this.#bytes
    return new Uint8Array(buffer, byteOffset, this.#at)
  }
}

/** Reads MessagePack without building anything but what is asked for. Of what is not there, or of another kind, numbers are negative or NaN, lists endless, and all else is undefined. */
export class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number | undefined {
    return this.#bytes[this.#at++]
  }

  list(): number {
    const token = this.byte() ?? 0
    if (token >= 0x90 && token < 0xa0) return token & 0x0f
    return token === 0xdc ? this.#number(2) : Number.POSITIVE_INFINITY
  }

  /** -1 where it is none, or one that a double holds. */
  whole(): number {
    const token = this.byte() ?? 0xff
    if (token < 0x80) return token
    const number =
      token === 0xcc ? this.#number(1) : token === 0xcd ? this.#number(2) : token === 0xce ? this.#number(4) : -1
    return number >= 0 ? number : -1
  }

  nil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false
    this.#at++
    return true
  }

  /** A view. */
  bytes(): Uint8Array | undefined {
    const token = this.byte()
    const length = token === 0xc4 ? this.#number(1) : token === 0xc5 ? this.#number(2) : -1
    const { buffer, byteOffset } = this.#bytes
    const from = this.#at
    if (!(length >= 0 && from + length <= this.#bytes.length)) return undefined
    this.#at = from + length
    return new Uint8Array(buffer, byteOffset + from, length)
  }

  /** A short one of ASCII. */
  text(known: string): string | undefined {
    const token = this.byte() ?? 0
    const length = token & 0x1f
    const from = this.#at
    if (token < 0xa0 || token >= 0xc0 || from + length > this.#bytes.length) return undefined
    this.#at = from + length
    if (known.length === length && this.#is(known, from)) return known
    let text = ''
    for (let i = from; i < from + length; i++) {
      if (this.#bytes[i]! >= 0x80) return undefined
      text += String.fromCharCode(this.#bytes[i]!)
    }
    return text
  }

  #is(text: string, from: number): boolean {
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== this.#bytes[from + i]) return false
    return true
  }

  /** NaN beyond the end. */
  #number(size: number): number {
    let value = 0
    for (let i = 0; i < size; i++) value = value * 256 + (this.byte() ?? Number.NaN)
    return value
  }
}
