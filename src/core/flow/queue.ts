import { type QueueLimits, Watermarks } from './watermarks.ts'

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

const SMALLEST = 16
/** Above this an emptied ring gives its memory back. */
const KEPT = 256

/** Invariants: `length` ≤ maxQueue.messages; `bytes` ≤ maxQueue.bytes unless `length` is 1. */
export class BoundedQueue<T> {
  readonly #marks: Watermarks
  readonly #overflow: Overflow
  readonly #dropped: (item: T, bytes: number) => void
  #items: (T | undefined)[] = new Array(SMALLEST).fill(undefined)
  #sizes: number[] = new Array(SMALLEST).fill(0)
  #mask = SMALLEST - 1
  #head = 0

  /** `dropped` hears of each item that the strategy dropped, `reject`'s aside, which `push` tells. */
  constructor(limits: QueueLimits, overflow: Overflow, dropped: (item: T, bytes: number) => void) {
    this.#marks = new Watermarks(limits)
    this.#overflow = overflow
    this.#dropped = dropped
  }

  get length(): number {
    return this.#marks.messages
  }

  get bytes(): number {
    return this.#marks.bytes
  }

  /** True from the high watermark, in messages or the same share of the bytes, until the low one. */
  get pressed(): boolean {
    return this.#marks.pressed
  }

  /** False where the item was not taken. */
  push(item: T, bytes: number): boolean {
    if (!this.#marks.fits(bytes)) {
      if (this.#overflow === 'reject') return false
      if (this.#overflow === 'drop-newest') {
        this.#dropped(item, bytes)
        return false
      }
      while (!this.#marks.fits(bytes)) this.#dropOldest()
    }
    const { messages } = this.#marks
    if (messages > this.#mask) this.#resize((this.#mask + 1) * 2)
    const at = (this.#head + messages) & this.#mask
    this.#items[at] = item
    this.#sizes[at] = bytes
    this.#marks.add(bytes)
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
    const bytes = this.#sizes[this.#head]!
    this.#head = (this.#head + 1) & this.#mask
    this.#marks.remove(bytes)
    return item
  }

  /** What `shift` would return. */
  peek(): T | undefined {
    return this.#marks.messages === 0 ? undefined : this.#items[this.#head]
  }

  shift(): T | undefined {
    if (this.#marks.messages === 0) return undefined
    const item = this.#take()
    if (this.#marks.messages === 0 && this.#mask >= KEPT) this.#resize(SMALLEST)
    return item
  }

  clear(): void {
    this.#marks.clear()
    this.#resize(SMALLEST)
  }

  #resize(capacity: number): void {
    const items: (T | undefined)[] = new Array(capacity).fill(undefined)
    const sizes: number[] = new Array(capacity).fill(0)
    for (let i = 0; i < this.#marks.messages; i++) {
      items[i] = this.#items[(this.#head + i) & this.#mask]
      sizes[i] = this.#sizes[(this.#head + i) & this.#mask]!
    }
    this.#items = items
    this.#sizes = sizes
    this.#mask = capacity - 1
    this.#head = 0
  }
}
