import { DestinationKind, Way } from '../../../protocols/causality/constants.ts'
import type { Dependency, Fill, IncomingStamp, Missing, Statement } from '../../../protocols/causality/messages.ts'
import type { Sink } from '../machine.ts'
import { Arrivals } from './arrivals.ts'
import { Confirmations } from './confirmations.ts'
import type { Destination, Entry } from './destination.ts'
import { publicationStamp } from './hearsay.ts'
import { Sending } from './sending.ts'
import type { Source } from './source.ts'
import { type CausalEffect, type CausalLimits, DEFAULT_CAUSAL_LIMITS } from './types.ts'

export interface CausalHost {
  readonly self: string
  /** Of this life; a later one is higher. */
  readonly epoch: number
  /** Whether somebody here subscribes to the topic. */
  wants(kind: DestinationKind, topic: string): boolean
  /** False where the peer is known to be gone. */
  alive(peer: string): boolean
  /** Whether publications for the peer's at-least-once subscriptions are kept until they are taken: nothing of them is lost. */
  retained(peer: string): boolean
  /** The first of our numbers that is kept for them and was not received; Infinity where there is none. */
  unreceived(peer: string): number
}

/** Where a publication comes from: by which ways it goes, and by which of them this copy came. */
export interface PublicationSource {
  readonly kind: DestinationKind
  readonly way: Way
  readonly topic: string
  readonly producer: string
}

/** Inputs that are no message: what hosts say to each other about the order, and what becomes of hosts and links. */
export type CausalInput =
  | { kind: 'ask'; peer: string; statement: Statement }
  | { kind: 'passed'; peer: string; statement: Statement }
  | { kind: 'missing'; peer: string; missing: Missing }
  | { kind: 'fill'; peer: string; fill: Fill }
  | { kind: 'coming'; peer: string; epoch: number; way: Way }
  /** A link to the peer closed that carried messages in order. */
  | { kind: 'severed'; peer: string }
  /** It left, or is held to be dead. */
  | { kind: 'gone'; peer: string }
  | { kind: 'tick' }

/** ms of stalling after which the producer is asked what is missing; doubled at each question. As on a wide channel. */
const ASK = 50
const SLOWEST_ASK = 4
/** A message that its producer says is on its way is waited for so many times as long. A guess. */
const PATIENCE = 6
/** Dependencies held. A guess: far more than one message may carry, so that only a host that never sends, or is lied to, has so many. */
const MOST_HELD = 4_096
/** Hosts that wait for an answer of ours, all numbers. A guess; who is left out asks again. */
const MOST_ASKERS = 4_096

/**
 * Causal order among hosts, for messages to one and to many: a message is handed out at a host when all that it follows,
 * and that goes to that host, was. The agents of a host share its history.
 *
 * Each message carries the dependencies that its destinations must have handed out (Schiper, Eggli, Sandoz 1989): for a
 * destination and a producer the last number stands for all, and a dependency goes when it is said by a later message to
 * the same destination, or known to be delivered (the two conditions of Kshemkalyani and Singhal 1998), here asked for.
 * A unicast names its predecessor to the same host, so that a receiver waits for nothing that went elsewhere. What is lost
 * is filled by its producer with an empty place that waits for what the message would have waited for; what a host knew
 * alone is lost when it crashes.
 */
export class CausalOrder<T> {
  readonly sending: Sending
  readonly arrivals: Arrivals<T>
  readonly #host: CausalHost
  readonly #limits: CausalLimits
  readonly #confirmations: Confirmations
  /** What was not taken over for want of room. */
  #unheld: Dependency | undefined

  constructor(host: CausalHost, limits: CausalLimits = DEFAULT_CAUSAL_LIMITS) {
    this.#host = host
    this.#limits = limits
    this.sending = new Sending(host.self, host.epoch, (publication) => this.arrivals.awaits(publication))
    this.#confirmations = new Confirmations(this.sending, limits.gapTimeout, (peer) => host.retained(peer))
    this.arrivals = new Arrivals<T>(
      {
        self: host.self,
        wants: (kind, topic) => host.wants(kind, topic),
        alive: (peer) => host.alive(peer),
        inherit: (dependency, now) => this.#inherit(dependency, now),
        later: (keeper) => {
          this.sending.past.keeper = keeper
        }
      },
      limits
    )
  }

  /** True while a `tick` is due every few ms. */
  get active(): boolean {
    return this.sending.past.entries.length > 0 || this.arrivals.stalled.size > 0 || this.#confirmations.awaited
  }

  /** A message came. True: it goes on at once, and what it lets go on afterwards is handed out by `release`. */
  arrive(
    stamp: IncomingStamp,
    peer: string,
    item: T,
    bytes: number,
    now: number,
    sink: Sink<CausalEffect<T>>
  ): boolean {
    return this.#arrive(stamp, Way.link, peer, item, bytes, now, sink)
  }

  /** A publication came. As `arrive`. */
  arrivePublication(
    stamp: IncomingStamp,
    { kind, way, topic, producer }: PublicationSource,
    item: T,
    bytes: number,
    now: number,
    sink: Sink<CausalEffect<T>>
  ): boolean {
    return this.#arrive(publicationStamp(stamp, kind, topic, producer), way, producer, item, bytes, now, sink)
  }

  #arrive(
    stamp: IncomingStamp,
    way: Way,
    peer: string,
    item: T,
    bytes: number,
    now: number,
    sink: Sink<CausalEffect<T>>
  ): boolean {
    const admission = this.arrivals.admit(stamp, peer, way, now)
    if (admission === 'pass') return true
    if (admission === 'late') {
      sink.push({ kind: 'late', item })
      return false
    }
    this.arrivals.hold(stamp, item, bytes, now)
    sink.push({ kind: 'wait', item, crowded: this.arrivals.pressed })
    let source = this.arrivals.crowded()
    for (; source !== undefined; source = this.arrivals.crowded()) this.#force(source, 'full', now, sink)
    return false
  }

  /** Hands out what can go on. */
  release(now: number, sink: Sink<CausalEffect<T>>): void {
    if (this.arrivals.stirred) this.arrivals.release(now, sink)
  }

  handle(input: CausalInput, now: number, sink: Sink<CausalEffect<T>>): void {
    this.sending.past.settle()
    switch (input.kind) {
      case 'ask':
        this.#asked(input.peer, input.statement, now, sink)
        break
      case 'passed':
        this.#confirmations.confirmed(input.peer, input.statement, now, sink)
        break
      case 'missing':
        this.#missing(input.peer, input.missing, now, sink)
        break
      case 'fill':
        this.#fill(input.peer, input.fill, now)
        break
      case 'coming': {
        const source = this.arrivals.source(input.peer, input.epoch, input.way)
        if (source !== undefined) source.vouched = now
        break
      }
      case 'severed':
        this.sending.severed(input.peer)
        break
      case 'gone':
        this.#gone(input.peer, now, sink)
        break
      case 'tick':
        this.#tick(now, sink)
        break
    }
    this.release(now, sink)
  }

  #inherit(dependency: Dependency & { entry?: unknown }, now: number): void {
    const { past } = this.sending
    let entry = dependency.entry as Entry | undefined
    if (entry === undefined || entry.place < 0) {
      const { kind, destination, producer } = dependency
      if (!this.#host.alive(kind === DestinationKind.host ? destination : producer)) return
      if (past.entries.length >= MOST_HELD) {
        this.#unheld = dependency
        return
      }
      entry = past.find(dependency, this.sending.destination(kind, destination))
      dependency.entry = entry
    }
    past.inherit(entry, dependency.number, now)
  }

  #asked(peer: string, statement: Statement, now: number, sink: Sink<CausalEffect<T>>): void {
    const { producer, epoch, number } = statement
    if (producer === this.sending.self) {
      this.#confirmations.asked(peer, statement, now, sink)
      return
    }
    const source = this.#host.alive(producer) ? this.arrivals.source(producer, epoch, Way.link) : undefined
    if (source === undefined || source.passed >= number) sink.push({ kind: 'passed', peer, statement })
    else if (this.arrivals.askers < MOST_ASKERS) {
      this.arrivals.wait([{ source, number }], { kind: 'asker', peer, source, number }, now)
    }
  }

  // ---- gaps --------------------------------------------------------------------------------------------------------

  #missing(peer: string, missing: Missing, now: number, sink: Sink<CausalEffect<T>>): void {
    const { sending } = this
    const { epoch, way } = missing
    if (epoch !== sending.epoch) return
    const kept = { retained: this.#host.retained(peer), unreceived: this.#host.unreceived(peer) }
    const { runs, coming } = sending.fill(peer, missing, kept, now)
    const target: Destination | undefined = sending.host(peer)
    for (let i = 0; i < runs.length; i += 2) {
      const cuts = target?.cut(runs[i]!, runs[i + 1]!) ?? [runs[i]!, runs[i + 1]!]
      for (let cut = 1; cut < cuts.length; cut++) {
        const [previous, number] = [cuts[cut - 1]!, cuts[cut]!]
        const dependencies = target?.told(previous, number) ?? []
        sink.push({ kind: 'fill', peer, fill: { epoch, way, previous, number, dependencies } })
      }
    }
    if (coming) sink.push({ kind: 'coming', peer, epoch, way })
  }

  #fill(peer: string, { epoch, way, previous, number, dependencies }: Fill, now: number): void {
    const source = this.arrivals.source(peer, epoch, way)
    if (source === undefined || number <= source.passed) return
    const told = dependencies.map((dependency) => ({ ...dependency, role: 0 }))
    this.arrivals.fill(source, previous, number, told, now)
  }

  #force(source: Source, reason: 'timeout' | 'full', now: number, sink: Sink<CausalEffect<T>>): void {
    const number = this.arrivals.force(source, now)
    sink.push({ kind: 'gap', producer: source.peer, number, reason })
    this.arrivals.release(now, sink)
  }

  #tick(now: number, sink: Sink<CausalEffect<T>>): void {
    this.#confirmations.ask(now, sink)
    this.sending.tidy()
    if (this.#unheld !== undefined) {
      const { producer, number } = this.#unheld
      this.#unheld = undefined
      sink.push({ kind: 'gap', producer, number, reason: 'full' })
    }
    const { gapTimeout } = this.#limits
    for (const source of [...this.arrivals.stalled]) {
      if (source.waiting.size === 0) continue
      const stalled = now - source.stalled
      const vouched = now - source.vouched < gapTimeout
      if (stalled >= gapTimeout * (vouched ? PATIENCE : 1)) this.#force(source, 'timeout', now, sink)
      else if (
        !source.over &&
        now - Math.max(source.stalled, source.askedAt) >= ASK * 2 ** Math.min(source.asked, SLOWEST_ASK)
      ) {
        source.askedAt = now
        source.asked++
        const { peer, epoch, way, passed, waiting } = source
        sink.push({ kind: 'missing', peer, missing: { epoch, way, passed, number: waiting.next } })
      }
    }
  }

  // ---- hosts -------------------------------------------------------------------------------------------------------

  #gone(peer: string, now: number, sink: Sink<CausalEffect<T>>): void {
    const { past } = this.sending
    this.arrivals.gone(peer)
    for (const entry of [...past.entries]) {
      if (entry.producer === peer || (entry.destination === peer && entry !== entry.target.own)) past.drop(entry, false)
    }
    this.sending.gone(peer)
    this.#confirmations.gone(peer, now, sink)
  }
}
