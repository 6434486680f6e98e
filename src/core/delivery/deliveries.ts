import { type Numbered, NumberedTable } from './numbered.ts'
import { Ranges } from './ranges.ts'

/** Where a message stands in what one host numbers for this one: see `protocols/point-to-point`. */
export interface Standing extends Numbered {
  readonly epoch: number
  readonly floor: number
}

/** One delivery under way. */
export interface Delivery extends Numbered {
  readonly epoch: number
}

/**
 * - `new`: never seen, or refused when it was; the caller goes on and says `start`.
 * - `under-way`: a copy of it is being handled, or its record is on its way to disk.
 * - `done`: handled, and recorded so.
 * - `fenced`: of a numbering that a newer one of the same host has replaced.
 * - `full`: it would open one more range than may be kept.
 */
export type Verdict = 'new' | 'under-way' | 'done' | 'fenced' | 'full'

/**
 * Ranges kept of one host. A range more is begun wherever a number that its sender has not settled lies between two that
 * are done: a sender in order needs one, one with dead letters that wait for their replay one for each. A guess: it
 * bounds the record by some 100 KB. The number at the floor always passes, so that the ranges can close.
 */
export const MOST_RANGES = 16_384

/**
 * What one host has sent this one, and what became of it: an Idempotent Receiver (Hohpe and Woolf, "Enterprise
 * Integration Patterns", 2003) whose memory follows the sender's own watermark, as Kafka's producer epochs and sequence
 * numbers do, and not a span of time: what is kept is bounded by what the sender has not settled.
 *
 * Invariants: every number below `floor` is settled at the sender and never comes to be handled; a number is in `done` from
 * the moment when its record was given to be written, and out again if that failed; what is under way is not answered
 * as done, whatever `done` says.
 */
export class Deliveries<T extends Delivery> {
  #epoch: number
  #floor: number
  readonly #done: Ranges
  readonly #entropy: number
  #underWay: NumberedTable<T>

  /** `entropy`: any integer. `bounds`: of the ranges that are done. */
  constructor(entropy: number, epoch = 0, floor = 1, bounds: number[] = []) {
    this.#entropy = entropy
    this.#epoch = epoch
    this.#floor = floor
    this.#done = new Ranges(bounds)
    this.#done.dropBelow(floor)
    this.#underWay = new NumberedTable(entropy)
  }

  get epoch(): number {
    return this.#epoch
  }

  get floor(): number {
    return this.#floor
  }

  /** First, last, first, last … of the numbers at or above the floor that are done. */
  get bounds(): readonly number[] {
    return this.#done.bounds
  }

  /** Deliveries of the present epoch that are under way. */
  get open(): number {
    return this.#underWay.size
  }

  /** What to do with a message that came. */
  begin({ epoch, number, floor }: Standing): Verdict {
    if (epoch < this.#epoch) return 'fenced'
    if (epoch > this.#epoch) this.#replace(epoch)
    if (floor > this.#floor) {
      this.#floor = floor
      this.#done.dropBelow(floor)
    }
    if (this.#underWay.size > 0 && this.#underWay.get(number) !== undefined) return 'under-way'
    if (number < this.#floor || this.#done.has(number)) return 'done'
    return this.#done.count >= MOST_RANGES && number !== this.#floor ? 'full' : 'new'
  }

  /** The copy that is being handled; undefined for a number that is not under way. */
  underWay(number: number): T | undefined {
    return this.#underWay.get(number)
  }

  /** Follows a `new`. */
  start(delivery: T): void {
    this.#underWay.add(delivery)
  }

  /** Its record is given to be written. */
  done(delivery: T): void {
    if (delivery.epoch === this.#epoch && delivery.number >= this.#floor) this.#done.add(delivery.number)
  }

  /** Its record could not be written: it did not happen. */
  undone(delivery: T): void {
    if (delivery.epoch === this.#epoch) this.#done.delete(delivery.number)
  }

  /** It is no longer under way: recorded as done, or refused. */
  end(delivery: T): void {
    if (delivery.epoch === this.#epoch) this.#underWay.delete(delivery.number)
  }

  /** A store that was lost or emptied began anew: what the old one numbered says nothing about the new numbers. */
  #replace(epoch: number): void {
    this.#epoch = epoch
    this.#floor = 1
    this.#done.clear()
    this.#underWay = new NumberedTable(this.#entropy)
  }
}
