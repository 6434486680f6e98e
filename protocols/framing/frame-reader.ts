import { MeshError } from '../errors.ts'

export type OnFrame = (kind: number, body: Uint8Array) => void

/** Pieces of an unfinished frame that are held as they came, and bytes up to which further ones are joined. */
const MOST_CRUMBS = 64
const CRUMB_BYTES = 65_536

/**
 * The push parser of a stream of frames. Holds at most one unfinished frame, and of that only the bytes that came:
 * a length that a peer claims allocates nothing.
 */
export class FrameReader {
  readonly #maxFrame: number
  readonly #onFrame: OnFrame
  readonly #spent: (part: Uint8Array) => void
  #parts: Uint8Array[] = []
  #held = 0

  /** `maxFrame`: bytes of kind and body that one frame may have. `spent` is told of each part that was copied and is read no more. */
  constructor(maxFrame: number, onFrame: OnFrame, spent: (part: Uint8Array) => void = () => {}) {
    this.#maxFrame = maxFrame
    this.#onFrame = onFrame
    this.#spent = spent
  }

  /** Bytes of an unfinished frame held back. */
  get held(): number {
    return this.#held
  }

  /** Pieces in which they are held. */
  get pieces(): number {
    return this.#parts.length
  }

  /** Throws what `onFrame` throws, and `ERR_MALFORMED`; the reader is spent then. */
  push(bytes: Uint8Array): void {
    // Views of a plain array cost a third of a Buffer's, and one is made for each frame.
    const chunk = plain(bytes)
    let at = 0
    if (this.#held > 0) {
      at = this.#complete(chunk)
      if (at < 0) return
    }
    const { length } = chunk
    while (at < length) {
      const frame = this.#parseLength(chunk, at)
      if (frame === 0 || this.#bodyAt + frame > length) break
      const start = this.#bodyAt
      at = start + frame
      this.#onFrame(chunk[start]!, chunk.subarray(start + 1, at))
    }
    if (at < length) this.#hold(at === 0 ? chunk : chunk.subarray(at))
  }

  /** Where the frame parsed last begins, behind its length. */
  #bodyAt = 0

  /** The length of the frame at `at`; 0 when its prefix is not all there. */
  #parseLength(bytes: Uint8Array, at: number): number {
    let value = 0
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) return 0
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (value === 0) throw new MeshError('ERR_MALFORMED', 'an empty frame')
        if (value > this.#maxFrame) {
          throw new MeshError('ERR_MESSAGE_TOO_LARGE', `a frame of ${value} bytes, at most ${this.#maxFrame} are taken`)
        }
        this.#bodyAt = at
        return value
      }
    }
    throw new MeshError('ERR_MALFORMED', 'a frame length does not end')
  }

  /** Adds to the unfinished frame; returns where in `chunk` the next one starts, or -1 while it is unfinished. */
  #complete(chunk: Uint8Array): number {
    // A prefix may itself be split: join enough to read it.
    let first = this.#parts[0]!
    if (first.length < 4 && this.#parts.length === 1) {
      first = Buffer.concat([first, chunk.subarray(0, 4)])
    }
    const frame = this.#parseLength(first, 0)
    const need = frame === 0 ? Number.POSITIVE_INFINITY : this.#bodyAt + frame - this.#held
    if (need > chunk.length) {
      this.#hold(chunk)
      return -1
    }
    const bodyAt = this.#bodyAt
    this.#parts.push(chunk.subarray(0, need))
    const whole = plain(Buffer.concat(this.#parts, bodyAt + frame))
    this.#parts.forEach(this.#spent)
    this.#parts = []
    this.#held = 0
    this.#onFrame(whole[bodyAt]!, whole.subarray(bodyAt + 1))
    return need
  }

  #hold(part: Uint8Array): void {
    // The first part is kept long enough to hold the whole prefix, whatever the chunking.
    const last = this.#parts.at(-1)
    if (last !== undefined && last.length < 4) this.#parts[this.#parts.length - 1] = Buffer.concat([last, part])
    else this.#parts.push(part)
    this.#held += part.length
    this.#merge()
  }

  /** A frame that comes in crumbs must not cost more in views of them than in bytes: they are joined like a binary counter. */
  #merge(): void {
    const parts = this.#parts
    while (parts.length > MOST_CRUMBS) {
      const [former, last] = [parts.at(-2)!, parts.at(-1)!]
      if (former.length > last.length || former.length + last.length > CRUMB_BYTES) return
      parts.splice(-2, 2, Buffer.concat([former, last]))
    }
  }
}

function plain(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
