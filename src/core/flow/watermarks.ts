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

/**
 * How full a queue is, with hysteresis: `pressed` from the high watermark, in messages or the same share of the bytes, until
 * both are at the low one.
 */
export class Watermarks {
  readonly #limits: QueueLimits
  readonly #highBytes: number
  readonly #lowBytes: number
  messages = 0
  bytes = 0
  pressed = false

  constructor(limits: QueueLimits) {
    this.#limits = limits
    const { highWatermark, lowWatermark, maxQueue } = limits
    this.#highBytes = (maxQueue.bytes * highWatermark) / maxQueue.messages
    this.#lowBytes = (maxQueue.bytes * lowWatermark) / maxQueue.messages
  }

  /** Whether one more is within the bounds; into an empty queue anything fits. */
  fits(bytes: number): boolean {
    const { maxQueue } = this.#limits
    return this.messages === 0 || (this.messages < maxQueue.messages && this.bytes + bytes <= maxQueue.bytes)
  }

  add(bytes: number): void {
    this.messages++
    this.bytes += bytes
    if (this.messages >= this.#limits.highWatermark || this.bytes >= this.#highBytes) this.pressed = true
  }

  remove(bytes: number): void {
    this.messages--
    this.bytes -= bytes
    if (this.pressed && this.messages <= this.#limits.lowWatermark && this.bytes <= this.#lowBytes) this.pressed = false
  }

  clear(): void {
    this.messages = this.bytes = 0
    this.pressed = false
  }
}
