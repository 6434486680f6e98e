import { Deadlines, type Due } from './deadlines.ts'

/** Numbers that are reserved at a time. A crash leaves at most so many unused; a reservation costs one small record. */
export const BLOCK = 1_024

/** A number in use: by what is outstanding, or by a dead letter that may be sent again. `at` is the number. */
export type Claim = Due

/**
 * The numbers of the messages to one host: what its inbox recognises a second copy by. They rise from 1 and are never used
 * twice, also not by a later life of this node: a bound is on disk before a number below it leaves. (Hi/lo allocation;
 * the producer sequence of Kafka's KIP-98 has no such bound, and a new producer epoch instead.)
 *
 * Invariants: `floor` is at most any number in use and never falls; `confirmed <= reserved`; a number that is at least
 * `confirmed` must not leave.
 */
export class Numbering {
  readonly #open = new Deadlines<Claim>()
  #next: number
  #reserved: number
  #confirmed: number

  /** `bound`: what a former life reserved, 1 where there was none. */
  constructor(bound = 1) {
    this.#next = this.#reserved = this.#confirmed = bound
  }

  /** Every number below it is settled for good. */
  get floor(): number {
    return Math.min(this.#open.next, this.#next)
  }

  /** Numbers in use. */
  get size(): number {
    return this.#open.size
  }

  /** The next number, in use from here on. */
  take(): Claim {
    return this.#claim(this.#next++)
  }

  /** A number that a former life used and has not settled. Before the first `take`. */
  restore(number: number): Claim {
    return this.#claim(number)
  }

  /** Nothing is sent under it any more. Of one that is settled already nothing happens. */
  settle(claim: Claim): void {
    this.#open.remove(claim)
  }

  /** Whether the number may leave. */
  mayLeave(claim: Claim): boolean {
    return claim.at < this.#confirmed
  }

  /**
   * The bound that has to be written, in the same batch as what uses the number or in one before: once half of a block is
   * left. Undefined where what was asked for reaches. The answer comes by `confirm` or `failed`.
   */
  reserve(): number | undefined {
    if (this.#next + BLOCK / 2 <= this.#reserved) return undefined
    this.#reserved = Math.max(this.#reserved, this.#next) + BLOCK
    return this.#reserved
  }

  confirm(bound: number): void {
    this.#confirmed = Math.max(this.#confirmed, bound)
    this.#reserved = Math.max(this.#reserved, this.#confirmed)
  }

  /** The bound was not written: it is asked for again. */
  failed(): void {
    this.#reserved = this.#confirmed
  }

  #claim(number: number): Claim {
    const claim = { at: number, slot: -1 }
    this.#open.add(claim)
    return claim
  }
}
