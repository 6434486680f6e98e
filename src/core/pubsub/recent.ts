import type { LogEntry } from '../../../protocols/publish-subscribe/messages.ts'

export interface RecentLimits {
  messages: number
  bytes: number
}

/** The oldest go in so many steps: what is held is between 15 and 16 of them. */
const STEPS = 16

/**
 * Some entries that follow each other. Their bytes are copied into one array, and all else stands in columns: thousands of
 * messages that live for a while, each an object with memory of its own, cost the collector more than publishing them did.
 */
class Block {
  readonly bytes: Uint8Array
  /** Where each entry's bytes end. */
  readonly #ends: Float64Array
  readonly #sequences: Float64Array
  readonly #times: Float64Array
  readonly #topics: string[] = []
  length = 0

  constructor(messages: number, bytes: number) {
    this.bytes = new Uint8Array(bytes)
    this.#ends = new Float64Array(messages)
    this.#sequences = new Float64Array(messages)
    this.#times = new Float64Array(messages)
  }

  /** Bytes that are used by the first `count`. */
  used(count: number): number {
    return count === 0 ? 0 : this.#ends[count - 1]!
  }

  /** Number of the newest. */
  get last(): number {
    return this.#sequences[this.length - 1]!
  }

  fits(bytes: number): boolean {
    return this.length < this.#ends.length && this.used(this.length) + bytes <= this.bytes.length
  }

  add(sequence: number, time: number, topic: string, bytes: Uint8Array): void {
    const from = this.used(this.length)
    this.bytes.set(bytes, from)
    const i = this.length++
    this.#ends[i] = from + bytes.length
    this.#sequences[i] = sequence
    this.#times[i] = time
    this.#topics[i] = topic
  }

  sequence(i: number): number {
    return this.#sequences[i]!
  }

  /** A copy: the block is used again. */
  at(i: number): LogEntry {
    const bytes = this.bytes.slice(this.used(i), this.#ends[i])
    return { sequence: this.#sequences[i]!, time: this.#times[i]!, topic: this.#topics[i]!, bytes }
  }

  /** Index of the first entry above `sequence`. */
  behind(sequence: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sequences[middle]! > sequence) high = middle
      else low = middle + 1
    }
    return low
  }
}

/**
 * The newest part of a log, in memory.
 *
 * Invariants: it holds every entry of the log whose number is above `base`, in rising order, and no block is empty; the
 * bounds hold unless a single entry is larger than `bytes`.
 */
export class Recent {
  readonly #limits: RecentLimits
  readonly #blockMessages: number
  readonly #blockBytes: number
  readonly #blocks: Block[] = []
  /** One that was let go of, to be used again. */
  #spare: Block | undefined
  #messages = 0
  /** That the blocks take, used or not. */
  #bytes = 0
  base: number

  constructor(limits: RecentLimits, base = 0) {
    this.#limits = limits
    this.#blockMessages = Math.ceil(limits.messages / STEPS)
    this.#blockBytes = Math.ceil(limits.bytes / STEPS)
    this.base = base
  }

  /** Takes a copy of the bytes. */
  push(sequence: number, time: number, topic: string, bytes: Uint8Array): void {
    let block = this.#blocks.at(-1)
    if (!block?.fits(bytes.length)) this.#blocks.push((block = this.#fresh(bytes.length)))
    block.add(sequence, time, topic, bytes)
    this.#messages++
    while (this.#blocks.length > 1 && (this.#messages > this.#limits.messages || this.#bytes > this.#limits.bytes)) {
      this.#drop()
    }
  }

  #fresh(bytes: number): Block {
    const size = Math.max(bytes, this.#blockBytes)
    const spare = this.#spare?.bytes.length === size ? this.#spare : new Block(this.#blockMessages, size)
    this.#spare = undefined
    spare.length = 0
    this.#bytes += size
    return spare
  }

  #drop(): void {
    const oldest = this.#blocks.shift()!
    this.#messages -= oldest.length
    this.#bytes -= oldest.bytes.length
    this.base = oldest.last
    this.#spare = oldest
  }

  /** Forgets what is above `last`: it never was in the log. */
  truncate(last: number): void {
    for (let block = this.#blocks.at(-1); block !== undefined; block = this.#blocks.at(-1)) {
      const kept = block.behind(last)
      this.#messages -= block.length - kept
      block.length = kept
      if (kept > 0) break
      this.#blocks.pop()
      this.#bytes -= block.bytes.length
    }
    this.base = Math.min(this.base, last)
  }

  /** Entries above `after`, which is no less than `base`, up to `to`: as many as make `bytes`, and one at least. */
  between(after: number, to: number, bytes: number): LogEntry[] {
    const found: LogEntry[] = []
    let size = 0
    for (const block of this.#blocks) {
      if (block.last <= after) continue
      for (let i = block.behind(after); i < block.length && size < bytes; i++) {
        if (block.sequence(i) > to) return found
        const entry = block.at(i)
        found.push(entry)
        size += entry.bytes.length
      }
      if (size >= bytes) break
    }
    return found
  }

  /** Bytes of the entries above `last`, with so many more for each. */
  sizeAbove(last: number, overhead: number): number {
    let size = 0
    for (const block of this.#blocks) {
      const first = block.behind(last)
      size += block.used(block.length) - block.used(first) + (block.length - first) * overhead
    }
    return size
  }
}
