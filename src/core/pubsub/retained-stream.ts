/** What an at-least-once receiver is sent: a batch under its number, and the lowest number that is still kept. */
export interface Numbered {
  /** From 1, contiguous for each publisher, epoch and stream. */
  number: number
  lowest: number
  /** 0: nothing is asked. */
  token: number
  /** What the receiver wants of the publisher's log up to here is in the batches before it, and with it up to `last`. */
  before: number
  last: number
  numbers: Uint8Array
  interest: number
  batch: Uint8Array
}

/** The log's numbers of what a batch has. */
export type Span = Pick<Numbered, 'before' | 'last' | 'numbers'>

export interface RetentionLimits {
  /** Bytes on their way to a receiver that it has not taken; beyond, the publisher waits. */
  window: number
  /** Batches and bytes kept for a receiver that is away; beyond, the oldest go. */
  history: { packets: number; bytes: number }
}

interface Retained {
  token: number
  span: Span
  interest: number
  batch: Uint8Array
  /** The place of its first message that has one in the causal order; 0 where none has. */
  place: number
}

const NOTHING = new Uint8Array(0)
const NOWHERE: Span = { before: 0, last: 0, numbers: NOTHING }

/**
 * What one publisher keeps for one receiver until that has taken it: go-back-N. The receiver says how far it has received
 * without a gap, and how far it has taken, which it withholds while a subscription there is too slow.
 *
 * Invariants: `#kept` holds the numbers from `#lowest` on, contiguous; `#lowest` ≤ `#next` ≤ `#lowest + #kept.length`;
 * `#flight` is the bytes of those from `#lowest` to before `#next`.
 */
export class RetainedStream {
  readonly #limits: RetentionLimits
  readonly #kept: Retained[] = []
  #lowest = 1
  /** The number to be sent next. */
  #next = 1
  #received = 0
  #bytes = 0
  #flight = 0
  /** The receiver cannot be reached: nothing is sent, nobody waits for it. */
  away = false

  constructor(limits: RetentionLimits) {
    this.#limits = limits
  }

  /** True while the receiver's publishers should wait. */
  get full(): boolean {
    return !this.away && this.#bytes >= this.#limits.window
  }

  /** True while something is still to be taken. */
  get pending(): boolean {
    return this.#kept.length > 0
  }

  /** `place`: of its first message in the causal order, 0 where none has one. It never falls. */
  push(batch: Uint8Array, token: number, place = 0, span: Span = NOWHERE, interest = 0): void {
    this.#kept.push({ token, batch, place, span, interest })
    this.#bytes += batch.length
    if (this.away) this.#bound()
  }

  /** The first place in the causal order of what is still to be received; Infinity where nothing in order is. */
  get unreceived(): number {
    for (let i = Math.max(0, this.#received + 1 - this.#lowest); i < this.#kept.length; i++) {
      const { place } = this.#kept[i]!
      if (place > 0) return place
    }
    return Number.POSITIVE_INFINITY
  }

  #bound(): void {
    const { packets, bytes } = this.#limits.history
    while (this.#kept.length > packets || (this.#bytes > bytes && this.#kept.length > 1)) this.#drop()
  }

  #drop(): void {
    const { length } = this.#kept.shift()!.batch
    this.#bytes -= length
    if (this.#next > this.#lowest) this.#flight -= length
    else this.#next++
    this.#lowest++
  }

  /** What may be sent now, if anything; `sent` moves on. */
  peek(): Numbered | undefined {
    const retained = this.#kept[this.#next - this.#lowest]
    if (retained === undefined || this.away || this.#flight >= this.#limits.window) return undefined
    const { token, span, interest, batch } = retained
    const { before, last, numbers } = span
    return { number: this.#next, lowest: this.#lowest, token, before, last, numbers, interest, batch }
  }

  sent(): void {
    this.#flight += this.#kept[this.#next - this.#lowest]!.batch.length
    this.#next++
  }

  /** Returns whether the receiver has come any further. */
  acknowledge(received: number, taken: number): boolean {
    const end = this.#lowest + this.#kept.length
    const before = this.#received + this.#lowest
    // Believed as far as it can be true, also where it is less than before: the receiver may have forgotten the stream.
    this.#received = Math.min(received, end - 1)
    while (this.#lowest <= taken && this.#kept.length > 0) this.#drop()
    return this.#received + this.#lowest > before
  }

  /** What was sent and not received is sent again: the link is lost, or nothing was heard for too long. */
  rewind(): void {
    while (this.#next > this.#lowest && this.#next > this.#received + 1) {
      this.#next--
      this.#flight -= this.#kept[this.#next - this.#lowest]!.batch.length
    }
  }

  /**
   * A number that nothing can be under any more: the receiver answers with how far it is, and learns what it has missed.
   * `end`: the log's, as far as it has been pushed; `known`: the interest.
   */
  probe(end = 0, known = 0): Numbered {
    const { span, interest } = this.#kept[0] ?? { span: { before: end }, interest: known }
    const { before } = span
    const place = { before, last: before, numbers: NOTHING, interest }
    return { number: this.#lowest - 1, lowest: this.#lowest, token: 0, ...place, batch: NOTHING }
  }
}
