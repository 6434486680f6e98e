import { HEADER_BYTES, sealRecord } from './record.ts'

/** A guess: a group of some hundred messages needs no second allocation. */
const INITIAL_BYTES = 65_536
/** A buffer that a rare large group has made larger is not kept. A guess. */
const KEPT_BYTES = 4_194_304

/** Records that reach the disk in one write and one fdatasync, and whoever waits for it. */
export class Group {
  /** Index of the first record. */
  first = 0
  /** Index of the last record; below `first` while there is none. */
  last = -1
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  #used = 0
  /** Where the last record begins, which has no header yet; -1 where all have theirs. */
  #unsealed = -1
  #behind = 0
  #ended: PromiseWithResolvers<void> | undefined

  get isEmpty(): boolean {
    return this.#used === 0
  }

  /** Whether somebody waits for it. */
  get awaited(): boolean {
    return this.#ended !== undefined
  }

  get bytes(): Buffer {
    this.#seal()
    return this.#buffer.subarray(0, this.#used)
  }

  get size(): number {
    return this.#used
  }

  /** Returns where in the group the record begins. */
  add(index: number, behind: number, payload: Uint8Array): number {
    this.#seal()
    const at = this.#used
    if (at === 0) this.first = index
    this.last = index
    this.#behind = behind
    this.#unsealed = at
    this.#used += HEADER_BYTES
    this.#put(payload)
    return at
  }

  /**
   * Makes the last record longer: all of it is there or nothing. Returns where this begins in its payload; -1 where there is
   * none, or that would have above `most` bytes.
   */
  extend(payload: Uint8Array, most: number): number {
    const length = this.#used - this.#unsealed - HEADER_BYTES
    if (this.#unsealed < 0 || length + payload.length > most) return -1
    this.#put(payload)
    return length
  }

  #put(bytes: Uint8Array): void {
    const end = this.#used + bytes.length
    if (end > this.#buffer.length) this.#grow(end)
    this.#buffer.set(bytes, this.#used)
    this.#used = end
  }

  #seal(): void {
    if (this.#unsealed >= 0) sealRecord(this.#buffer, this.#unsealed, this.last, this.#behind, this.#used)
    this.#unsealed = -1
  }

  /** Settles when the group does: one promise for all who wait. */
  get ended(): Promise<void> {
    if (this.#ended === undefined) {
      this.#ended = Promise.withResolvers()
      // Who appended without waiting is told of a failure by the next who waits.
      this.#ended.promise.catch(() => {})
    }
    return this.#ended.promise
  }

  /** Tells how it went and is empty again. */
  end(error?: Error): void {
    const ended = this.#ended
    this.#ended = undefined
    this.#used = 0
    this.#unsealed = -1
    this.last = -1
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
    if (error === undefined) ended?.resolve()
    else ended?.reject(error)
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
    this.#buffer.copy(larger, 0, 0, this.#used)
    this.#buffer = larger
  }
}
