import type { Random } from '../machine.ts'
import { Deadlines, type Due } from './deadlines.ts'
import { KeyOrder, type Ordered } from './key-order.ts'
import { retryDelay } from './retry.ts'
import { WaitingLine } from './waiting-line.ts'

/** A message that waits for its turn. */
export interface Dispatched extends Ordered {
  /** The agent's name. */
  readonly agent: string
  /** Bytes that it takes in memory while it is under way. */
  readonly bytes: number
  /** Whom it is for: what is for the same waits together while they cannot be reached. Changed by `park` alone. */
  destination: string
  /** True from `next` until `park` or `ended`. */
  admitted: boolean
}

export interface DispatchLimits {
  /** Messages, and bytes of them, under way at once: in memory, whatever else is stored. */
  messages: number
  bytes: number
}

/** Looks in a row after which the wait for somebody grows no longer. */
const MOST_MISSES = 30

/**
 * Who goes next: order for each key, and a bounded number under way, of which nobody who is slow or away gets more than
 * is left for the others. That is the dynamic threshold of Choudhury and Hahne ("Dynamic Queue Length Thresholds for
 * Shared-Memory Packet Switches", IEEE/ACM Transactions on Networking, 1998) with alpha 1: a destination may have as
 * many under way as places are free, so one alone gets half of them. Destinations take turns.
 *
 * Invariants: of one lane at most one is admitted, the first of those that have not ended; what is admitted is at most
 * the limits, the last message's bytes aside; a destination where nobody was found has at most one admitted.
 */
export class Dispatch<T extends Dispatched> {
  readonly #limits: DispatchLimits
  readonly #random: Random
  readonly #order = new KeyOrder<T>()
  readonly #destinations = new Map<string, Destination<T>>()
  readonly #byAgent = new Map<string, Set<Destination<T>>>()
  readonly #parked = new Deadlines<Destination<T>>()
  readonly #turns = new WaitingLine<Destination<T>>()
  #messages = 0
  #bytes = 0

  constructor(limits: DispatchLimits, random: Random) {
    this.#limits = limits
    this.#random = random
  }

  /** Messages under way. */
  get admitted(): number {
    return this.#messages
  }

  /** When `tick` is due (monotonic ms); Infinity when nobody is waited for. */
  get wakeAt(): number {
    return this.#parked.next
  }

  add(item: T): void {
    if (this.#order.enter(item)) this.#ready(item)
  }

  /** The next to be sent now, if any: it is under way from here on. */
  next(): T | undefined {
    for (let turns = this.#turns.length; turns > 0; turns--) {
      const free = this.#limits.messages - this.#messages
      if (free <= 0 || this.#bytes >= this.#limits.bytes) return undefined
      const destination = this.#turns.shift()!
      destination.inTurn = false
      if (!destination.sendable) continue
      if (destination.admitted < free) {
        const item = destination.ready.shift()!
        item.admitted = true
        destination.admitted++
        this.#messages++
        this.#bytes += item.bytes
        this.#queue(destination)
        return item
      }
      this.#queue(destination)
    }
    return undefined
  }

  /** Somebody was found for it: what is for the same goes on too. */
  found(item: T): void {
    const destination = this.#destinations.get(item.destination)
    if (destination === undefined) return
    destination.misses = 0
    this.#queue(destination)
  }

  /**
   * Nobody was found: it and what else is for the same wait, each time longer, until `wake` or `tick`. `name`: the
   * destination that it has from now on.
   */
  park(item: T, name: string, now: number): void {
    const former = this.#leave(item)
    item.destination = name
    const destination = this.#destinationOf(item)
    // What comes back together keeps its order.
    if (!destination.parked) destination.back = 0
    destination.ready.unshift(item, destination.back++)
    this.#drop(former)
    if (destination.parked) return
    destination.parked = true
    destination.misses = Math.min(destination.misses + 1, MOST_MISSES)
    destination.at = now + retryDelay('exponential', destination.misses, this.#random)
    this.#parked.add(destination)
  }

  /** An agent of that name is there now. */
  wake(agent: string): void {
    for (const destination of this.#byAgent.get(agent) ?? []) this.#unpark(destination)
  }

  tick(now: number): void {
    for (let due = this.#parked.take(now); due !== undefined; due = this.#parked.take(now)) this.#unpark(due)
  }

  /** It was settled or given up, wherever it was: it is gone now. The next of its lane may go. */
  ended(item: T): void {
    if (item.admitted) {
      this.#drop(this.#leave(item))
    } else if (!this.#order.waits(item)) {
      const destination = this.#destinations.get(item.destination)
      destination?.ready.forget()
      if (destination !== undefined) this.#drop(destination)
    }
    const next = this.#order.ended(item)
    if (next !== undefined) this.#ready(next)
  }

  // ---- destinations ------------------------------------------------------------------------------------------------

  #ready(item: T): void {
    const destination = this.#destinationOf(item)
    destination.ready.push(item)
    this.#queue(destination)
  }

  #leave(item: T): Destination<T> {
    const destination = this.#destinations.get(item.destination)!
    item.admitted = false
    destination.admitted--
    this.#messages--
    this.#bytes -= item.bytes
    this.#queue(destination)
    return destination
  }

  #queue(destination: Destination<T>): void {
    if (destination.inTurn || !destination.sendable) return
    destination.inTurn = true
    this.#turns.push(destination)
  }

  #unpark(destination: Destination<T>): void {
    this.#parked.remove(destination)
    destination.parked = false
    this.#queue(destination)
  }

  #destinationOf({ destination: name, agent }: T): Destination<T> {
    let destination = this.#destinations.get(name)
    if (destination === undefined) {
      this.#destinations.set(name, (destination = new Destination(agent, name)))
      const others = this.#byAgent.get(agent)
      if (others === undefined) this.#byAgent.set(agent, new Set([destination]))
      else others.add(destination)
    }
    return destination
  }

  /** Forgets a destination that nothing is for. */
  #drop(destination: Destination<T>): void {
    if (destination.admitted > 0 || destination.ready.length > 0) return
    this.#parked.remove(destination)
    this.#destinations.delete(destination.name)
    const others = this.#byAgent.get(destination.agent)
    others?.delete(destination)
    if (others?.size === 0) this.#byAgent.delete(destination.agent)
  }
}

/** What is for the same agents. */
class Destination<T extends Dispatched> implements Due {
  readonly agent: string
  readonly name: string
  /** What may go, were there room. */
  readonly ready = new WaitingLine<T>()
  readonly gone = false
  admitted = 0
  /** Looks in a row that found nobody: then one message at a time finds out whether somebody came. */
  misses = 0
  parked = false
  /** How many came back since it was parked. */
  back = 0
  /** It stands in the round. */
  inTurn = false
  at = 0
  slot = -1

  constructor(agent: string, name: string) {
    this.agent = agent
    this.name = name
  }

  get sendable(): boolean {
    return !this.parked && this.ready.length > 0 && (this.misses === 0 || this.admitted === 0)
  }
}
