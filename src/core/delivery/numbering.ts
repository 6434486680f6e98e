import { Deadlines, type Due } from './deadlines.ts'

/** Numbers that are reserved at a time. A crash leaves at most so many unused; a reservation costs one small record. */
export const BLOCK = 1_024

/** A number in use: by what is outstanding, or by a dead letter that may be sent again. `at` is the number; `slot` is -1 once it is settled. */
export interface Claim extends Due {
  /** Of a former life. */
  readonly restored: boolean
}

/** Places of settled numbers that are given back at once. A guess. */
const SLACK = 1_024

/**
 * The numbers of the messages to one host: what its inbox recognises a second copy by. They rise from 1 and are never used
 * twice, also not by a later life of this node: a bound is on disk before a number below it leaves. (Hi/lo allocation;
 * the producer sequence of Kafka's KIP-98 has no such bound, and a new producer epoch instead.)
 *
 * Invariants: `floor` is at most any number in use and never falls; `confirmed <= reserved`; a number that is at least
 * `confirmed` must not leave.
 */
export class Numbering {
  /** Those of former lives, which come in no order. */
  readonly #restored = new Deadlines<Claim>()
  /** Those of this life, in their order: most are settled in it too. What `#first` says is open, if anything is. */
  #taken: (Claim | undefined)[] = []
  #first = 0
  /** Settled ones behind the first. */
  #holes = 0
  #next: number
  #reserved: number
  #confirmed: number

  /** `bound`: what a former life reserved, 1 where there was none. */
  constructor(bound = 1) {
    this.#next = this.#reserved = this.#confirmed = bound
  }

  /** Every number below it is settled for good. */
  get floor(): number {
    return Math.min(this.#restored.next, this.#taken[this.#first]?.at ?? this.#next)
  }

  /** Numbers in use. */
  get size(): number {
    return this.#restored.size + this.#taken.length - this.#first - this.#holes
  }

  /** The next number, in use from here on. */
  take(): Claim {
    const claim = { at: this.#next++, slot: 0, restored: false }
    this.#taken.push(claim)
    return claim
  }

  /** A number that a former life used and has not settled. Before the first `take`. */
  restore(number: number): Claim {
    const claim = { at: number, slot: -1, restored: true }
    this.#restored.add(claim)
    return claim
  }

  /** Nothing is sent under it any more. Of one that is settled already nothing happens. */
  settle(claim: Claim): void {
    if (claim.slot < 0) return
    if (claim.restored) {
      this.#restored.remove(claim)
      return
    }
    claim.slot = -1
    if (claim !== this.#taken[this.#first]) this.#holes++
    else this.#advance()
    if (this.#first > SLACK || this.#holes > SLACK + this.size) this.#shorten()
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

  /** The first is settled: so are perhaps some behind it. */
  #advance(): void {
    const taken = this.#taken
    taken[this.#first++] = undefined
    while (this.#first < taken.length && taken[this.#first]!.slot < 0) {
      taken[this.#first++] = undefined
      this.#holes--
    }
  }

  /** Dead letters may stay open while millions behind them are settled. */
  #shorten(): void {
    this.#taken = this.#taken.filter((claim) => claim !== undefined && claim.slot >= 0)
    this.#first = 0
    this.#holes = 0
  }
}
