import { MeshError } from '../errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

function malformed(what: string): MeshError {
  return new MeshError('ERR_MALFORMED', `publish-subscribe: ${what}`)
}

/** Grows as it is written; whole numbers are LEB128, up to 2⁵³ − 1. */
export class ByteWriter {
  #bytes: Uint8Array
  length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
  }

  #room(more: number): void {
    if (this.length + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + more))
    grown.set(this.#bytes.subarray(0, this.length))
    this.#bytes = grown
  }

  number(value: number): this {
    this.#room(8)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.length++] = rest
    return this
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  bytes(bytes: Uint8Array): this {
    return this.number(bytes.length).raw(bytes)
  }

  text(text: string): this {
    return this.bytes(encoder.encode(text))
  }

  /** A view: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** A copy of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length)
  }
}

/** Reads views out of `bytes`; never looks past its end, never allocates what a length claims. */
export class ByteReader {
  readonly #bytes: Uint8Array
  position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.position >= this.#bytes.length
  }

  number(limit = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.#bytes[this.position++]
      if (byte === undefined) throw malformed('a number ends early')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > limit) throw malformed(`${value} where at most ${limit} may stand`)
        return value
      }
      scale *= 0x80
    }
    throw malformed('a number is too long')
  }

  raw(length: number): Uint8Array {
    if (length > this.#bytes.length - this.position) throw malformed('bytes end early')
    this.position += length
    return this.#bytes.subarray(this.position - length, this.position)
  }

  bytes(limit: number): Uint8Array {
    return this.raw(this.number(limit))
  }

  text(limit: number): string {
    try {
      return decoder.decode(this.bytes(limit))
    } catch (error) {
      if (error instanceof MeshError) throw error
      throw malformed('text is not UTF-8')
    }
  }

  rest(): Uint8Array {
    return this.raw(this.#bytes.length - this.position)
  }

  end(): void {
    if (!this.done) throw malformed('bytes left over')
  }
}
