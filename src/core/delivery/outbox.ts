import type { ErrorCode } from '../../../protocols/errors.ts'
import type { Machine, Random, Sink } from '../machine.ts'
import { Deadlines } from './deadlines.ts'
import { type RetryPolicy, retryDelay } from './retry.ts'

/**
 * At-least-once: a parcel stays in the outbox until it was acknowledged or given up. The machine decides when a parcel
 * is transmitted, again, and for how long; where to is the router's choice at each attempt.
 *
 * Invariants: a parcel is at any time in flight or waiting, never both; `done` or `given-up` is its last effect, once,
 * and no later than `expires`, whoever still has it then.
 */
export interface Parcel {
  policy: RetryPolicy
  /** Monotonic ms after which no further attempt is made. */
  expires: number
  attempts: number
  /** Attempts that do not count against `policy.maxRetries`. */
  spared: number
  state: 'new' | 'in-flight' | 'waiting' | 'settled'
  /** Owned by the outbox: when it has to do something about the parcel next, and the place in its heap. */
  at: number
  slot: number
  /** Why the last attempt failed. */
  failure: unknown
}

export type OutboxInput<P extends Parcel> =
  | { kind: 'send'; parcel: P }
  /** The attempt was none: nothing was sent. As after `keep`. */
  | { kind: 'withdraw'; parcel: P }
  | { kind: 'acknowledged'; parcel: P }
  /**
   * The attempt failed. `final` ends it here; `delay` (ms, at most a day) overrides the strategy; one that is `spared`
   * does not count.
   */
  | { kind: 'failed'; parcel: P; error: unknown; final?: boolean; delay?: number | undefined; spared?: boolean }
  | { kind: 'tick' }
  /** Nothing is tried again: what waits or may expire is given up with this error now, the rest once its attempt fails. */
  | { kind: 'close'; error: unknown }

export type OutboxEffect<P extends Parcel> =
  | { kind: 'transmit'; parcel: P }
  | { kind: 'done'; parcel: P }
  | { kind: 'given-up'; parcel: P; code: ErrorCode | undefined; error: unknown }

export class Outbox<P extends Parcel> implements Machine<OutboxInput<P>, OutboxEffect<P>> {
  readonly #random: Random
  /** Parcels that wait for their next attempt, and those in flight that may expire. */
  readonly #due = new Deadlines<P>()
  /** Parcels neither acknowledged nor given up. */
  size = 0
  /** Why nothing is tried any more. */
  #closed: { error: unknown } | undefined

  constructor(random: Random) {
    this.#random = random
  }

  /** When a `tick` is due next (monotonic ms); Infinity when nothing waits. */
  get wakeAt(): number {
    return this.#due.next
  }

  handle(input: OutboxInput<P>, now: number, sink: Sink<OutboxEffect<P>>): void {
    switch (input.kind) {
      case 'send':
        this.size++
        if (this.#closed === undefined) this.#transmit(input.parcel, sink)
        else this.#giveUp(input.parcel, undefined, this.#closed.error, sink)
        break
      case 'withdraw':
        input.parcel.attempts--
        input.parcel.state = 'new'
        break
      case 'acknowledged':
        this.acknowledge(input.parcel, sink)
        break
      case 'failed':
        this.#failed(input, now, sink)
        break
      case 'tick':
        for (let due = this.#due.take(now); due !== undefined; due = this.#due.take(now)) {
          if (now >= due.expires) this.#giveUp(due, 'ERR_TTL', due.failure, sink)
          else this.#transmit(due, sink)
        }
        break
      case 'close':
        this.#closed = { error: input.error }
        for (let due = this.#due.take(Infinity); due !== undefined; due = this.#due.take(Infinity)) {
          this.#giveUp(due, undefined, input.error, sink)
        }
        break
    }
  }

  /** Takes a parcel that is not sent before `begin`, and expires meanwhile. */
  keep(parcel: P): void {
    this.size++
    this.#expire(parcel)
  }

  /** Its turn has come. */
  begin(parcel: P, sink: Sink<OutboxEffect<P>>): void {
    this.#transmit(parcel, sink)
  }

  /** `acknowledged`, without an input object: the hot path. An acknowledgement that comes late still counts. */
  acknowledge(parcel: P, sink: Sink<OutboxEffect<P>>): void {
    if (parcel.state === 'settled') return
    this.#settle(parcel)
    sink.push({ kind: 'done', parcel })
  }

  /** It ends without an effect: whoever calls knows. */
  discard(parcel: P): void {
    if (parcel.state !== 'settled') this.#settle(parcel)
  }

  #failed(input: Extract<OutboxInput<P>, { kind: 'failed' }>, now: number, sink: Sink<OutboxEffect<P>>): void {
    const { parcel, error } = input
    if (parcel.state !== 'in-flight') return
    parcel.failure = error
    this.#due.remove(parcel)
    if (input.spared === true) parcel.spared++
    const delay = asked(input.delay) ?? retryDelay(parcel.policy.strategy, parcel.attempts, this.#random)
    if (this.#closed !== undefined) {
      this.#giveUp(parcel, undefined, this.#closed.error, sink)
    } else if (input.final === true) {
      this.#giveUp(parcel, undefined, error, sink)
    } else if (parcel.attempts - parcel.spared > parcel.policy.maxRetries) {
      this.#giveUp(parcel, 'ERR_MAX_RETRIES', error, sink)
    } else if (now + delay >= parcel.expires) {
      this.#giveUp(parcel, 'ERR_TTL', error, sink)
    } else {
      parcel.state = 'waiting'
      parcel.at = now + delay
      this.#due.add(parcel)
    }
  }

  #transmit(parcel: P, sink: Sink<OutboxEffect<P>>): void {
    parcel.state = 'in-flight'
    parcel.attempts++
    this.#expire(parcel)
    sink.push({ kind: 'transmit', parcel })
  }

  /** One that was kept stands there already. */
  #expire(parcel: P): void {
    if (parcel.expires === Number.POSITIVE_INFINITY || parcel.slot >= 0) return
    parcel.at = parcel.expires
    this.#due.add(parcel)
  }

  #giveUp(parcel: P, code: ErrorCode | undefined, error: unknown, sink: Sink<OutboxEffect<P>>): void {
    this.#settle(parcel)
    sink.push({ kind: 'given-up', parcel, code, error })
  }

  #settle(parcel: P): void {
    this.#due.remove(parcel)
    parcel.state = 'settled'
    this.size--
  }
}

/** A delay that a handler or a peer asked for; whatever is none leaves it to the strategy. */
function asked(delay: number | undefined): number | undefined {
  return delay !== undefined && delay >= 0 ? Math.min(delay, MOST_ASKED) : undefined
}

/** ms that a handler may ask for at most. */
export const MOST_ASKED = 86_400_000
