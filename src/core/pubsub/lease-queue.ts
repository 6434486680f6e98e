import { type QueueLimits, Watermarks } from '../flow/watermarks.ts'

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
  readonly #marks: Watermarks
  #waiting: Lease<T>[] = []
  #head = 0
  /** In the order of their serials. */
  #returned: Lease<T>[] = []
  #serial = 0

  constructor(limits: QueueLimits) {
    this.#marks = new Watermarks(limits)
  }

  /** Waiting and handed out. */
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

  push(item: T, bytes: number): void {
    this.#waiting.push({ item, bytes, serial: ++this.#serial, attempts: 0 })
    this.#marks.add(bytes)
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
    this.#marks.remove(bytes)
  }

  /** It is the next again. */
  giveBack(lease: Lease<T>): void {
    const at = this.#returned.findIndex(({ serial }) => serial > lease.serial)
    this.#returned.splice(at < 0 ? this.#returned.length : at, 0, lease)
  }

  clear(): void {
    this.#waiting = []
    this.#returned = []
    this.#head = 0
    this.#marks.clear()
  }
}
