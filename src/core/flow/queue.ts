/**
 * A bounded queue with watermarks: what agents' mailboxes and subscriptions hold between arrival and reading.
 *
 * - `drop-oldest`: the newest is taken, the oldest make room.
 * - `drop-newest`: what does not fit is dropped.
 * - `reject`: what does not fit is refused, and the caller is expected to have slowed its source while `pressed`.
 *
 * An item that exceeds the byte bound by itself is taken into an empty queue: one large message must not be impossible.
 */
export type Overflow = 'drop-oldest' | 'drop-newest' | 'reject'

export interface QueueLimits {
  /** Messages from which the source should be slowed. Default 1,000 (a guess). */
  highWatermark: number
  /** Messages from which it may go on. Default 250 (a guess): far enough below that the source is not toggled for each message. */
  lowWatermark: number
  /** Default 2,000 messages and 2²⁴ bytes. */
  maxQueue: { messages: number; bytes: number }
}

export const DEFAULT_QUEUE_LIMITS: QueueLimits = {
  highWatermark: 1_000,
  lowWatermark: 250,
  maxQueue: { messages: 2_000, bytes: 2 ** 24 }
}

/** A watermark in messages as the same share of the bytes. */
export function bytesAt(watermark: number, { maxQueue }: QueueLimits): number {
  return (maxQueue.bytes * watermark) / maxQueue.messages
}

const SMALLEST = 16
/** Above this an emptied ring gives its memory back. */
const KEPT = 256

/** Invariants: `length` ≤ maxQueue.messages; `bytes` ≤ maxQueue.bytes unless `length` is 1. */
export class BoundedQueue<T> {
  readonly #limits: QueueLimits
  readonly #overflow: Overflow
  readonly #dropped: (item: T, bytes: number) => void
  readonly #highBytes: number
  readonly #lowBytes: number
  #items: (T | undefined)[] = new Array(SMALLEST).fill(undefined)
  #sizes: number[] = new Array(SMALLEST).fill(0)
  #mask = SMALLEST - 1
  #head = 0
  #length = 0
  #bytes = 0
  #pressed = false

  /** `dropped` hears of each item that the strategy dropped, `reject`'s aside, which `push` tells. */
  constructor(limits: QueueLimits, overflow: Overflow, dropped: (item: T, bytes: number) => void) {
    this.#limits = limits
    this.#overflow = overflow
    this.#dropped = dropped
    this.#highBytes = bytesAt(limits.highWatermark, limits)
    this.#lowBytes = bytesAt(limits.lowWatermark, limits)
  }

  get length(): number {
    return this.#length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** True from the high watermark, in messages or the same share of the bytes, until the low one. */
  get pressed(): boolean {
    return this.#pressed
  }

  #fits(bytes: number): boolean {
    const { maxQueue } = this.#limits
    return this.#length === 0 || (this.#length < maxQueue.messages && this.#bytes + bytes <= maxQueue.bytes)
  }

  /** False where the item was not taken. */
  push(item: T, bytes: number): boolean {
    if (!this.#fits(bytes)) {
      if (this.#overflow === 'reject') return false
      if (this.#overflow === 'drop-newest') {
        this.#dropped(item, bytes)
        return false
      }
      while (!this.#fits(bytes)) this.#dropOldest()
    }
    if (this.#length > this.#mask) this.#resize((this.#mask + 1) * 2)
    const at = (this.#head + this.#length) & this.#mask
    this.#items[at] = item
    this.#sizes[at] = bytes
    this.#length++
    this.#bytes += bytes
    if (this.#length >= this.#limits.highWatermark || this.#bytes >= this.#highBytes) this.#pressed = true
    return true
  }

  #dropOldest(): void {
    const bytes = this.#sizes[this.#head]!
    const item = this.#take()!
    this.#dropped(item, bytes)
  }

  #take(): T | undefined {
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#bytes -= this.#sizes[this.#head]!
    this.#head = (this.#head + 1) & this.#mask
    this.#length--
    return item
  }

  /** What `shift` would return. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#items[this.#head]
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#take()
    if (this.#pressed && this.#length <= this.#limits.lowWatermark && this.#bytes <= this.#lowBytes)
      this.#pressed = false
    if (this.#length === 0 && this.#mask >= KEPT) this.#resize(SMALLEST)
    return item
  }

  clear(): void {
    this.#length = 0
    this.#bytes = 0
    this.#pressed = false
    this.#resize(SMALLEST)
  }

  #resize(capacity: number): void {
    const items: (T | undefined)[] = new Array(capacity).fill(undefined)
    const sizes: number[] = new Array(capacity).fill(0)
    for (let i = 0; i < this.#length; i++) {
      items[i] = this.#items[(this.#head + i) & this.#mask]
      sizes[i] = this.#sizes[(this.#head + i) & this.#mask]!
    }
    this.#items = items
    this.#sizes = sizes
    this.#mask = capacity - 1
    this.#head = 0
  }
}
