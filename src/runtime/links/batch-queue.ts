import { PORTION_BYTES } from './bulk-pace.ts'

/** Of a large frame so much leaves at once: one more write costs 20 µs at each end, a longer slice only delays the other lanes. */
const SLICE_BYTES = PORTION_BYTES

interface Batch {
  bytes: Uint8Array
  frames: number
  counted: number
}

/** Sealed batches that wait to leave, in order; a large one leaves in slices, so that the other lanes get their turns. */
export class BatchQueue {
  readonly #batches: Batch[] = []
  /** Where the next slice of the first batch begins. */
  #at = 0
  /** Bytes that wait. */
  bytes = 0
  /** Counted frames in batches of which nothing has left, and their bytes. */
  frames = 0
  counted = 0

  /** True while a batch has left in part. */
  get midway(): boolean {
    return this.#at > 0
  }

  /** The first batch. */
  get next(): Readonly<Batch> | undefined {
    return this.#batches[0]
  }

  add(bytes: Uint8Array, frames: number, counted: number): void {
    this.#batches.push({ bytes, frames, counted })
    this.bytes += bytes.length
    this.frames += frames
    this.counted += counted
  }

  /** The next slice of the first batch. */
  slice(): Uint8Array {
    const batch = this.#batches[0]!
    if (this.#at === 0) {
      this.frames -= batch.frames
      this.counted -= batch.counted
    }
    const { bytes } = batch
    const from = this.#at
    const end = Math.min(bytes.length, from + SLICE_BYTES)
    this.bytes -= end - from
    this.#at = end
    if (end === bytes.length) {
      this.#batches.shift()
      this.#at = 0
    }
    return from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end)
  }

  /** Whether a batch that waits lies in the same memory. Batches of one slab are neighbours. */
  holds({ buffer }: Uint8Array): boolean {
    return this.#batches[0]?.bytes.buffer === buffer || this.#batches.at(-1)?.bytes.buffer === buffer
  }

  clear(): void {
    this.#batches.length = 0
    this.bytes = this.frames = this.counted = this.#at = 0
  }
}
