import { Cursor, MAX_VARINT, writeVarint } from '../envelope/varint.ts'
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
    this.#room(MAX_VARINT)
    this.length = writeVarint(this.#bytes, this.length, value)
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
  readonly #cursor = new Cursor()

  constructor(bytes: Uint8Array) {
    this.#cursor.open(bytes)
  }

  get position(): number {
    return this.#cursor.position
  }

  get done(): boolean {
    return this.position >= this.#cursor.bytes.length
  }

  number(limit = Number.MAX_SAFE_INTEGER): number {
    const value = this.#cursor.varint()
    if (value > limit) throw malformed(`${value} where at most ${limit} may stand`)
    return value
  }

  raw(length: number): Uint8Array {
    return this.#cursor.take(length)
  }

  bytes(limit: number): Uint8Array {
    return this.raw(this.number(limit))
  }

  text(limit: number): string {
    const bytes = this.bytes(limit)
    try {
      return decoder.decode(bytes)
    } catch {
      throw malformed('text is not UTF-8')
    }
  }

  rest(): Uint8Array {
    return this.raw(this.#cursor.bytes.length - this.position)
  }

  end(): void {
    if (!this.done) throw malformed('bytes left over')
  }
}
