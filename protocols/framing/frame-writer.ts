/**
 * Frames written one behind the other into one buffer:
 *
 *     length (LEB128, padded to two or four bytes)  kind (1)  body
 *
 * `length` counts kind and body. It is padded because it is written last: the body is encoded straight into the batch.
 * A batch is handed out by `seal` and belongs to whoever took it; the next one starts behind it in the same slab.
 */
const SHORT = 0x4000 - 1
const MIN_SLAB = 1024
const NOTHING = Buffer.alloc(0)

export class FrameWriter {
  /** The slab being filled. Encode between `begin`'s position and `end`. */
  buffer: Buffer = NOTHING
  readonly #slabBytes: number
  readonly #left: (slab: Uint8Array) => void
  #start = 0
  #end = 0
  #bodyAt = 0
  #slab = MIN_SLAB

  /**
   * `slabBytes`: a batch is expected to stay near this; a single larger frame gets a slab of its own. `left` is told of
   * each slab to which nothing will be added: its memory belongs to the batches in it alone.
   */
  constructor(slabBytes: number, left: (slab: Uint8Array) => void = () => {}) {
    this.#slabBytes = slabBytes
    this.#left = left
  }

  /** Bytes in the batch being built. */
  get size(): number {
    return this.#end - this.#start
  }

  /** Starts a frame whose body takes at most `bound` bytes; returns where in `buffer` the body begins. */
  begin(kind: number, bound: number): number {
    if (this.#end + bound + 5 > this.buffer.length) this.#grow(bound + 5)
    const prefix = bound < SHORT ? 2 : 4
    this.#bodyAt = this.#end + prefix + 1
    this.buffer[this.#bodyAt - 1] = kind
    return this.#bodyAt
  }

  /** Ends the frame begun last, whose body ends before `end`; returns the body's length. */
  end(end: number): number {
    const { buffer } = this
    const at = this.#end
    const length = end - this.#bodyAt + 1
    if (this.#bodyAt - at === 3) {
      buffer[at] = (length & 0x7f) | 0x80
      buffer[at + 1] = length >> 7
    } else {
      buffer[at] = (length & 0x7f) | 0x80
      buffer[at + 1] = ((length >> 7) & 0x7f) | 0x80
      buffer[at + 2] = ((length >> 14) & 0x7f) | 0x80
      buffer[at + 3] = length >>> 21
    }
    this.#end = end
    return length - 1
  }

  /** Takes the batch built so far. */
  seal(): Uint8Array {
    const batch = this.buffer.subarray(this.#start, this.#end)
    this.#slab = Math.min(this.#slabBytes, Math.max(MIN_SLAB, batch.length * 4, this.#slab >> 1))
    this.#start = this.#end
    return batch
  }

  /** Whether nothing will be added to the slab in which `batch` lies. One larger than usual is left now, if it can be. */
  leave({ buffer }: Uint8Array): boolean {
    if (buffer !== this.buffer.buffer) return true
    if (this.size > 0 || this.buffer.length <= this.#slabBytes) return false
    this.buffer = NOTHING
    this.#start = this.#end = 0
    return true
  }

  /** A new slab; what is unsealed moves along. Slabs follow the batches' sizes, so that idle links hold little. */
  #grow(needed: number): void {
    const pending = this.#end - this.#start
    this.#slab = Math.min(this.#slabBytes, Math.max(this.#slab, pending * 2))
    const slab = Buffer.allocUnsafeSlow(Math.max(this.#slab, pending + needed))
    const former = this.buffer
    former.copy(slab, 0, this.#start, this.#end)
    this.buffer = slab
    this.#start = 0
    this.#end = pending
    if (former.length > 0) this.#left(former)
  }
}
