import { bytesAt, type QueueLimits } from '../flow/queue.ts'

/** An item that was handed out and is not acknowledged. */
export interface Lease<T> {
  readonly item: T
  readonly bytes: number
  readonly serial: number
  /** Times that it was handed out. */
  attempts: number
}

/**
 * What an at-least-once subscription holds. An item keeps its place until it is acknowledged, and one that is given back is
 * handed out again before whatever came after it. Nothing is ever dropped: its source is slowed instead, while `pressed`.
 */
export class LeaseQueue<T> {
  readonly #limits: QueueLimits
  readonly #highBytes: number
  readonly #lowBytes: number
  #waiting: Lease<T>[] = []
  #head = 0
  /** In the order of their serials. */
  #returned: Lease<T>[] = []
  #serial = 0
  #length = 0
  #bytes = 0
  #pressed = false

  constructor(limits: QueueLimits) {
    this.#limits = limits
    this.#highBytes = bytesAt(limits.highWatermark, limits)
    this.#lowBytes = bytesAt(limits.lowWatermark, limits)
  }

  /** Waiting and handed out. */
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

  push(item: T, bytes: number): void {
    this.#waiting.push({ item, bytes, serial: ++this.#serial, attempts: 0 })
    this.#length++
    this.#bytes += bytes
    if (this.#length >= this.#limits.highWatermark || this.#bytes >= this.#highBytes) this.#pressed = true
  }

  lease(): Lease<T> | undefined {
    const lease = this.#returned.shift() ?? this.#first()
    if (lease !== undefined) lease.attempts++
    return lease
  }

  #first(): Lease<T> | undefined {
    const lease = this.#waiting[this.#head]
    if (lease === undefined) return undefined
    this.#head++
    // Moves what is left only once it is the smaller half, so that each item is moved at most once or twice.
    if (this.#head * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    return lease
  }

  /** Its place is free. */
  acknowledge({ bytes }: Lease<T>): void {
    this.#length--
    this.#bytes -= bytes
    if (this.#length <= this.#limits.lowWatermark && this.#bytes <= this.#lowBytes) this.#pressed = false
  }

  /** It is the next again. */
  giveBack(lease: Lease<T>): void {
    const at = this.#returned.findIndex(({ serial }) => serial > lease.serial)
    this.#returned.splice(at < 0 ? this.#returned.length : at, 0, lease)
  }

  clear(): void {
    this.#waiting = []
    this.#returned = []
    this.#head = this.#length = this.#bytes = 0
    this.#pressed = false
  }
}
