import { PROMISE, RETRY, TERM } from '../../../protocols/rate-limits/constants.ts'
import type { Call, Pledge } from '../../../protocols/rate-limits/messages.ts'
import type { Sink } from '../machine.ts'
import type { KeyedBuckets } from './keyed-buckets.ts'
import type { LeaseEffect } from './lease-types.ts'
import { Pledges } from './pledges.ts'
import type { Sharers } from './sharers.ts'

/**
 * Which share of a limit is here, and to whom this node has pledged its own part. Everybody pledges to whom they take for
 * the owner, to one at a time; the owner calls for the pledges again and again, and has nothing else to go by: it need
 * not be the only one that believes to be it.
 *
 * Invariant: the part of a node counts for one owner at any time. Its owner counts it until `TERM` after the call that it
 * answered was *sent*, and the node keeps it from others until `PROMISE` after it *answered*, which is later.
 */
export class OwnedLimit {
  readonly #self: string
  readonly #id: string
  readonly #sharers: Sharers
  readonly #buckets: KeyedBuckets
  readonly #pledges = new Pledges()
  #promise: { to: string; until: number } | undefined
  #settled = false
  /** Nobody ever drew on this node's part, as far as it knows: its first pledge brings capacity with it. */
  #fresh = false
  /** When the owner calls next. */
  callAt = Number.POSITIVE_INFINITY

  constructor(self: string, id: string, sharers: Sharers, buckets: KeyedBuckets) {
    this.#self = self
    this.#id = id
    this.#sharers = sharers
    this.#buckets = buckets
  }

  get owned(): boolean {
    return this.#sharers.owner === this.#self
  }

  /** All of it is here, for ever. */
  takeAll(): void {
    this.#pledges.set(this.#self, 1, Number.POSITIVE_INFINITY)
    this.#buckets.reshare(1, 1)
  }

  /** To be called before anything else at a time: what has lapsed until then lapses in its order. */
  advance(now: number): void {
    for (let at = this.#pledges.next; at <= now; at = this.#pledges.next) {
      this.#buckets.advance(at)
      this.#pledges.lapse(at)
      this.#buckets.reshare(this.#pledges.share)
    }
    this.#buckets.advance(now)
    this.#sharers.forget(now)
  }

  settle(now: number, sink: Sink<LeaseEffect>): void {
    this.#settled = true
    this.#fresh = !this.#sharers.used
    this.review(now, sink)
  }

  /** Who takes part has changed, and with it perhaps who owns the limit. */
  review(now: number, sink: Sink<LeaseEffect>): void {
    if (this.owned) this.call(now, sink)
    else if (this.#promise?.to === this.#self) {
      // What was pledged to itself it may take back at any time.
      this.#promise = undefined
      this.#pledges.delete(this.#self)
      this.#buckets.reshare(this.#pledges.share)
    }
  }

  call(now: number, sink: Sink<LeaseEffect>): void {
    this.callAt = now + RETRY
    this.#pledgeToItself(now, sink)
    const message: Call = { kind: 'call', id: this.#id, stamp: Math.floor(now) }
    for (const to of this.#sharers.others()) sink.push({ kind: 'send', to, message })
  }

  #pledgeToItself(now: number, sink: Sink<LeaseEffect>): void {
    if (!this.#mayPledge(this.#self, now)) return
    const { count } = this.#sharers
    this.#promise = { to: this.#self, until: Number.POSITIVE_INFINITY }
    this.#pledges.set(this.#self, count, Number.POSITIVE_INFINITY)
    this.#buckets.reshare(this.#pledges.share, this.#fresh ? 1 / count : 0)
    this.#drawnOn(sink)
  }

  #mayPledge(owner: string, now: number): boolean {
    if (!this.#settled || this.#sharers.owner !== owner) return false
    return this.#promise === undefined || this.#promise.to === owner || this.#promise.until <= now
  }

  #drawnOn(sink: Sink<LeaseEffect>): void {
    if (this.#fresh) sink.push({ kind: 'used' })
    this.#fresh = false
  }

  called(from: string, { stamp }: Call, now: number, sink: Sink<LeaseEffect>): void {
    if (!this.#mayPledge(from, now)) return
    this.#promise = { to: from, until: now + PROMISE }
    const sharers = this.#sharers.count
    const message: Pledge = { kind: 'pledge', id: this.#id, stamp, sharers, fresh: this.#fresh }
    sink.push({ kind: 'send', to: from, message })
    this.#drawnOn(sink)
  }

  /** `peer` went on its own word, so it owns nothing that was pledged to it. */
  released(peer: string): void {
    if (this.#promise?.to === peer) this.#promise = undefined
  }

  pledged(from: string, { stamp, sharers, fresh }: Pledge, now: number): void {
    const until = stamp + TERM
    if (!this.#sharers.has(from) || stamp > now || until <= now) return
    const parts = Math.max(sharers, this.#sharers.count)
    this.#pledges.set(from, parts, until)
    this.#buckets.reshare(this.#pledges.share, fresh ? 1 / parts : 0)
  }
}
