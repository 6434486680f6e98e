import { MAX_NEEDS, PROMISE, RETRY, TERM } from '../../../protocols/rate-limits/constants.ts'
import type { Ask, Grant, RateMessage } from '../../../protocols/rate-limits/messages.ts'
import type { Machine, Sink } from '../machine.ts'
import { Asks, type Granted } from './asks.ts'
import { Demand, type Request } from './demand.ts'
import { KeyedBuckets } from './keyed-buckets.ts'
import type { LeaseBucketOptions, LeaseEffect, LeaseInput } from './lease-types.ts'
import { OwnedLimit } from './owned-limit.ts'
import { Sharers } from './sharers.ts'

/**
 * A rate limit whose tokens the nodes of a mesh share. One of them, the owner, keeps the buckets; the others lease tokens
 * of it as they need them (Gray and Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache
 * Consistency", 1989). An owner has as large a share of the rate and of the capacity as the nodes that pledge theirs to it
 * make up, so the sides of a partition have together what the whole had; and an owner begins with nothing.
 *
 * The bound: in any `w` seconds all nodes together grant at most `S · (capacity + burst + refillRate · (w + TERM))`, where
 * `S` is 1 for as long as every sharer has been told of every other that goes on and nobody was forgotten; else it is at
 * most the number of sides that do not know of each other. A limit that is not shared has `S` = 1 and no term.
 */
export class LeaseBucket implements Machine<LeaseInput, LeaseEffect> {
  readonly #options: LeaseBucketOptions
  readonly #sharers: Sharers
  readonly #buckets: KeyedBuckets
  readonly #limit: OwnedLimit
  readonly #asks: Asks
  /** By key: where somebody waits, or holds a lease. */
  readonly #demands = new Map<string, Demand>()
  #waiting = 0
  #owner: string
  /** Monotonic ms at which a `tick` is due: never too late, sometimes too early. */
  wakeAt = Number.POSITIVE_INFINITY

  constructor(options: LeaseBucketOptions, now: number) {
    const { self, id, definition, keys, forgetAfter, shared } = options
    this.#options = options
    this.#sharers = new Sharers(self, id, forgetAfter, PROMISE)
    this.#buckets = new KeyedBuckets(definition, keys, now)
    this.#limit = new OwnedLimit(self, id, this.#sharers, this.#buckets)
    this.#asks = new Asks(this.#buckets, keys)
    this.#owner = self
    if (!shared) this.#limit.takeAll()
  }

  /** The share of the rate and of the capacity that is here: those of all nodes sum up to `S` at most. */
  get share(): number {
    return this.#buckets.share
  }

  handle(input: LeaseInput, now: number, sink: Sink<LeaseEffect>): void {
    this.#limit.advance(now)
    switch (input.kind) {
      case 'acquire':
        this.#acquire(input, now, sink)
        break
      case 'cancel':
        this.#cancel(input.ticket, input.key, now, sink)
        break
      case 'settle':
        this.#limit.settle(now, sink)
        this.#changed(now, sink)
        break
      case 'sharer':
        this.#sharers.up(input.peer, input.used)
        this.#changed(now, sink)
        break
      case 'gone':
        this.#sharers.down(input.peer, input.left, now)
        if (input.left) this.#limit.released(input.peer)
        this.#changed(now, sink)
        break
      case 'message':
        this.#message(input.from, input.message, now, sink)
        break
      case 'tick':
        this.#tick(now, sink)
        break
    }
  }

  // ---- who waits here ----------------------------------------------------------------------------------------------

  #acquire(request: Request, now: number, sink: Sink<LeaseEffect>): void {
    const { ticket, key, tokens, wait } = request
    const demand = this.#demand(key, now)
    if (demand === undefined) {
      sink.push({ kind: 'full', ticket })
      return
    }
    const { line } = demand
    if (line.length === 0 && demand.spend(tokens, now)) this.#end(request, demand, true, now, sink)
    else if (!wait && line.some((other) => other.wait)) this.#end(request, demand, false, now, sink)
    else if (this.#waiting >= this.#options.waiting || this.#crowded(key)) sink.push({ kind: 'full', ticket })
    else {
      line.push(request)
      this.#waiting++
      this.#ask(key, demand, now, sink)
    }
    if (this.#limit.owned && demand.idle(now)) this.#demands.delete(key)
  }

  /** So many keys are in use that this one can have no tokens. Of another owner's keys nothing is known here. */
  #crowded(key: string): boolean {
    return this.#limit.owned && !this.#buckets.admits(key)
  }

  /** Undefined where there are too many keys, all of them in use. */
  #demand(key: string, now: number): Demand | undefined {
    const known = this.#demands.get(key)
    if (known !== undefined) return known
    if (this.#demands.size >= this.#options.keys) {
      for (const [other, demand] of this.#demands) if (demand.idle(now)) this.#demands.delete(other)
      if (this.#demands.size >= this.#options.keys) return undefined
    }
    const demand = new Demand()
    this.#demands.set(key, demand)
    return demand
  }

  #cancel(ticket: number, key: string, now: number, sink: Sink<LeaseEffect>): void {
    const demand = this.#demands.get(key)
    const at = demand?.line.findIndex((request) => request.ticket === ticket) ?? -1
    if (demand === undefined || at < 0) return
    demand.line.splice(at, 1)
    this.#waiting--
    this.#askAnew(key, demand, now, sink)
  }

  /** What was asked for is not wanted any more as it was; what is asked instead keeps its place where the owner is the same. */
  #askAnew(key: string, demand: Demand, now: number, sink: Sink<LeaseEffect>): void {
    const { self, id } = this.#options
    const of = demand.asked?.of
    demand.asked = undefined
    if (of === self && (demand.line.length === 0 || this.#owner !== self)) this.#asks.remove(self, key)
    if (demand.line.length > 0) this.#ask(key, demand, now, sink)
    else if (of !== undefined && of !== self) {
      const nothing: Ask = { kind: 'ask', id, key, stamp: Math.floor(now), needs: [], ahead: 0, patient: false }
      sink.push({ kind: 'send', to: of, message: nothing })
    }
    if (of === self) this.#serve(key, now, sink)
    if (this.#limit.owned && demand.idle(now)) this.#demands.delete(key)
  }

  #end({ ticket, key }: Request, demand: Demand, granted: boolean, now: number, sink: Sink<LeaseEffect>): void {
    const left = this.#limit.owned ? Math.floor(this.#buckets.level(key) + 1e-6) : demand.remaining
    sink.push({ kind: 'end', ticket, granted, remaining: left + demand.held(now) })
  }

  #ask(key: string, demand: Demand, now: number, sink: Sink<LeaseEffect>): void {
    const { line } = demand
    const [first] = line
    if (first === undefined || demand.asked !== undefined) return
    const { self, id } = this.#options
    const to = this.#owner
    const stamp = Math.floor(now)
    const needs = line.slice(0, MAX_NEEDS).map(({ tokens }) => tokens)
    const ahead = to === self ? 0 : demand.ahead(now)
    const ask: Ask = { kind: 'ask', id, key, stamp, needs, ahead, patient: first.wait }
    demand.asked = { at: stamp, of: to, last: line[needs.length - 1]!.ticket }
    if (to === self) this.#asked(self, ask, now, sink)
    else {
      sink.push({ kind: 'send', to, message: ask })
      this.#wake(now + RETRY)
    }
  }

  #granted(from: string, { key, stamp, tokens, remaining }: Grant, now: number, sink: Sink<LeaseEffect>): void {
    const demand = this.#demands.get(key)
    const asked = demand?.asked
    if (demand === undefined || asked === undefined || asked.of !== from || asked.at !== stamp) return
    demand.remaining = remaining
    // From another owner it counts from when it was asked for, which was before it was granted.
    demand.lease(tokens, (from === this.#options.self ? now : stamp) + TERM)
    const { line } = demand
    while (line.length > 0 && demand.spend(line[0]!.tokens, now)) {
      this.#waiting--
      this.#end(line.shift()!, demand, true, now, sink)
    }
    this.#refuse(demand, asked.last, now, sink)
    // An owner that has nothing for who would wait has no room for it to wait: it is asked again in a while.
    if (tokens === 0 && line.length > 0 && line[0]!.ticket <= asked.last) return
    demand.asked = undefined
    this.#ask(key, demand, now, sink)
    if (this.#limit.owned && demand.idle(now)) this.#demands.delete(key)
  }

  /** Those who do not wait and were asked for, up to the ticket `last`. */
  #refuse(demand: Demand, last: number, now: number, sink: Sink<LeaseEffect>): void {
    const { line } = demand
    while (line.length > 0 && !line[0]!.wait && line[0]!.ticket <= last) {
      this.#waiting--
      this.#end(line.shift()!, demand, false, now, sink)
    }
  }

  // ---- who owns it -------------------------------------------------------------------------------------------------

  #changed(now: number, sink: Sink<LeaseEffect>): void {
    if (!this.#options.shared) return
    this.#limit.review(now, sink)
    if (this.#owner !== this.#sharers.owner) {
      this.#owner = this.#sharers.owner
      for (const [key, demand] of this.#demands) {
        this.#askAnew(key, demand, now, sink)
      }
    }
    if (this.#limit.owned) this.#wake(this.#limit.callAt)
    this.#serveAll(now, sink)
  }

  #message(from: string, message: RateMessage, now: number, sink: Sink<LeaseEffect>): void {
    switch (message.kind) {
      case 'call':
        this.#limit.called(from, message, now, sink)
        break
      case 'pledge':
        this.#limit.pledged(from, message, now)
        this.#serveAll(now, sink)
        break
      case 'ask':
        if (this.#sharers.has(from)) this.#asked(from, message, now, sink)
        break
      case 'grant':
        this.#granted(from, message, now, sink)
        break
    }
  }

  #asked(from: string, ask: Ask, now: number, sink: Sink<LeaseEffect>): void {
    const until = from === this.#options.self ? Number.POSITIVE_INFINITY : now + TERM
    const granted = this.#asks.add(from, ask, until)
    if (granted !== undefined) this.#give(granted, now, sink)
    else this.#wakeFor(ask.key, now)
  }

  #give({ to, ask, tokens, remaining }: Granted, now: number, sink: Sink<LeaseEffect>): void {
    const { id, key, stamp } = ask
    const message: Grant = { kind: 'grant', id, key, stamp, tokens, remaining }
    if (to === this.#options.self) this.#granted(to, message, now, sink)
    else sink.push({ kind: 'send', to, message })
  }

  #serve(key: string, now: number, sink: Sink<LeaseEffect>): void {
    for (const granted of this.#asks.serve(key, now)) this.#give(granted, now, sink)
    this.#wakeFor(key, now)
  }

  /** Whoever still waits although there are tokens has a key for which there is no room: it is looked at again in a while. */
  #wakeFor(key: string, now: number): void {
    this.#wake(now + (this.#asks.wait(key) || RETRY))
  }

  #serveAll(now: number, sink: Sink<LeaseEffect>): void {
    for (const key of [...this.#asks.keys()]) this.#serve(key, now, sink)
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  #wake(at: number): void {
    if (at < this.wakeAt) this.wakeAt = at
  }

  #tick(now: number, sink: Sink<LeaseEffect>): void {
    this.wakeAt = Number.POSITIVE_INFINITY
    if (this.#options.shared && this.#limit.owned) {
      if (this.#limit.callAt <= now) this.#limit.call(now, sink)
      this.#wake(this.#limit.callAt)
    }
    this.#serveAll(now, sink)
    for (const [key, demand] of this.#demands) this.#askAgain(key, demand, now, sink)
  }

  #askAgain(key: string, demand: Demand, now: number, sink: Sink<LeaseEffect>): void {
    const { asked } = demand
    if (asked === undefined || asked.of === this.#options.self) return
    if (asked.at + RETRY > now) {
      this.#wake(asked.at + RETRY)
      return
    }
    this.#refuse(demand, asked.last, now, sink)
    demand.asked = undefined
    this.#ask(key, demand, now, sink)
  }
}
