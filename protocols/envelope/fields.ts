import { MeshError } from '../errors.ts'

/** Readers of one field each of a frame that is MessagePack: the value, or `ERR_MALFORMED` that says what was expected. */
export class Fields {
  readonly #frame: string

  /** `frame`: what errors name. */
  constructor(frame: string) {
    this.#frame = frame
  }

  malformed(expected: string): MeshError {
    return new MeshError('ERR_MALFORMED', `${this.#frame} frame: ${expected} expected`)
  }

  tuple(value: unknown, length: number, what = `${length} fields`): readonly unknown[] {
    if (!Array.isArray(value) || value.length !== length) throw this.malformed(what)
    return value
  }

  list(value: unknown, limit: number, what: string): readonly unknown[] {
    if (!Array.isArray(value) || value.length > limit) throw this.malformed(`at most ${limit} ${what}`)
    return value
  }

  /** `limit` is in UTF-8 bytes. */
  text(value: unknown, limit: number, what = `a text of at most ${limit} bytes`): string {
    if (typeof value !== 'string' || value.length > limit) throw this.malformed(what)
    if (value.length * 3 > limit && Buffer.byteLength(value) > limit) throw this.malformed(what)
    return value
  }

  optionalText(value: unknown, limit: number, what: string): string | undefined {
    return value === null ? undefined : this.text(value, limit, what)
  }

  /** A whole number from 0 on. */
  count(value: unknown, what = 'a whole number', limit = Number.MAX_SAFE_INTEGER): number {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > limit) {
      throw this.malformed(what)
    }
    return value
  }

  flag(value: unknown, what = 'true or false'): boolean {
    if (typeof value !== 'boolean') throw this.malformed(what)
    return value
  }

  bytes(value: unknown, limit = Number.POSITIVE_INFINITY, what = 'bytes'): Uint8Array {
    if (!(value instanceof Uint8Array) || value.byteLength > limit) throw this.malformed(what)
    return value
  }
}
