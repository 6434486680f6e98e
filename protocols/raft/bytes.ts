import { Cursor, writeVarint } from '../envelope/varint.ts'
import { MeshError } from '../errors.ts'
import { MAX_NUMBER } from './constants.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

export function malformed(expected: string): MeshError {
  return new MeshError('ERR_MALFORMED', `raft: ${expected} expected`)
}

/** Writes into bytes that are long enough: who makes it has reckoned from above. Whole numbers are LEB128. */
export class Writer {
  readonly #bytes: Buffer
  #at = 0

  constructor(bound: number) {
    // Small ones come from a slab.
    this.#bytes = Buffer.allocUnsafe(bound)
  }

  number(value: number): this {
    this.#at = writeVarint(this.#bytes, this.#at, value)
    return this
  }

  raw(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.byteLength
    return this
  }

  bytes(bytes: Uint8Array): this {
    return this.number(bytes.byteLength).raw(bytes)
  }

  text(text: string): this {
    this.number(Buffer.byteLength(text))
    this.#at += this.#bytes.write(text, this.#at)
    return this
  }

  /** All that was written. Nobody else writes to these bytes. */
  finish(): Uint8Array {
    const { buffer, byteOffset } = this.#bytes
    return new Uint8Array(buffer, byteOffset, this.#at)
  }
}

/** Reads and judges: whatever is beyond its bound is `ERR_MALFORMED`, and a length that is claimed allocates nothing. */
export class Reader {
  readonly #cursor = new Cursor()

  constructor(bytes: Uint8Array) {
    this.#cursor.open(bytes)
  }

  get left(): number {
    return this.#cursor.bytes.length - this.#cursor.position
  }

  number(least = 0, most = MAX_NUMBER): number {
    const value = this.#cursor.varint()
    if (value < least || value > most) throw malformed(`a number from ${least} to ${most}`)
    return value
  }

  /** A view. */
  bytes(most: number): Uint8Array {
    return this.#cursor.take(this.number(0, most))
  }

  /** Of at least one byte. */
  text(most: number): string {
    const bytes = this.bytes(most)
    if (bytes.length === 0) throw malformed('a text')
    try {
      return decoder.decode(bytes)
    } catch {
      throw malformed('UTF-8')
    }
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left > 0) throw malformed('the end')
  }
}
