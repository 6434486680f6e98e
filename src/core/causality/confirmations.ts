import { DestinationKind, MAX_ENTRIES, Way, wayOf } from '../../../protocols/causality/constants.ts'
import type { Statement } from '../../../protocols/causality/messages.ts'
import type { Sink } from '../machine.ts'
import type { Destination, Entry } from './destination.ts'
import type { Sending } from './sending.ts'
import type { CausalEffect } from './types.ts'

/**
 * ms for which an entry's number must have stayed before somebody is asked, and between two questions about it: while
 * little is held, and while half of what a message may carry is. A guess: an entry costs a few bytes, a question two frames.
 */
const CALM = 100
const BUSY = 10
/**
 * ms after which a question is asked again, or asked about a number that keeps growing: the answer lets go of nothing, it
 * only says how far its host is. A guess; at 100 ms for these as well, ten hosts that are sent to in turn, each of which
 * hears of the nine others, cost a sixth of one-way throughput (measured).
 */
const AGAIN = 1_000

/** Hosts that wait to hear of our publications. A guess; who is left out asks again. */
const MOST_LISTENERS = 4_096

/**
 * ms for which who confirmed nothing while too much was held is left out of what this host holds. A guess: long enough that
 * one who never reads holds up the others for a small share of the time.
 */
const RELEASED = 60_000

type Says = Sink<CausalEffect<never>>

/**
 * Finds out whether what this host holds was handed out, so that it need not be told any longer (Kshemkalyani and Singhal
 * 1998: a dependency may go once it is known to be delivered, or to be said by a later message to the same place). Of
 * messages to a host that host is asked, of publications their publisher, who asks those it sent them to. What is
 * acknowledged anyway is hardly ever asked for.
 */
export class Confirmations {
  readonly #sending: Sending
  readonly #retained: (peer: string) => boolean
  /** Who wants to hear that our publications up to a number were handed out. */
  #listeners: { peer: string; number: number }[] = []
  readonly #patience: number
  /** Since when too much is held; undefined while it is not. */
  #fullSince: number | undefined

  /** `patience`: ms for which sends wait for what is not confirmed. `retained`: whether something is kept until the peer's at-least-once subscriptions have taken it. */
  constructor(sending: Sending, patience: number, retained: (peer: string) => boolean) {
    this.#sending = sending
    this.#patience = patience
    this.#retained = retained
  }

  /** True while somebody wants to hear. */
  get awaited(): boolean {
    return this.#listeners.length > 0
  }

  /** Asks for what is due. */
  ask(now: number, sink: Says): void {
    const { past, full } = this.#sending
    const patience = full ? 0 : past.entries.length > MAX_ENTRIES / 2 ? BUSY : CALM
    for (let i = past.entries.length - 1; i >= 0; i--) {
      const entry = past.entries[i]!
      const still = now - entry.stillSince >= patience
      if (!still && now - entry.since < AGAIN) continue
      const pause = still ? patience : AGAIN
      if (entry !== entry.target.own) askOthers(entry, pause, now, sink)
      else if (entry.kind === DestinationKind.host) this.#askReceiver(entry.target, entry.number, pause, now, sink)
      else if (this.#handedOut(entry, entry.number, now)) past.drop(entry, true)
      else if (wayOf(entry.kind) === Way.link) {
        for (const receiver of entry.linked) this.#askReceiver(receiver, entry.number, pause, now, sink)
      }
    }
    this.#release(now, sink)
    this.#tell(now, sink)
  }

  /** Sends do not wait for ever for who confirms nothing: what is oldest is no longer held, and that is told. */
  #release(now: number, sink: Says): void {
    const { past, full } = this.#sending
    if (!full) this.#fullSince = undefined
    else this.#fullSince ??= now
    if (this.#fullSince === undefined || now - this.#fullSince < this.#patience) return
    this.#fullSince = undefined
    for (const entry of [...past.entries]) {
      if (now - entry.since < this.#patience) continue
      const { target, producer, number } = entry
      const own = entry === target.own
      if (own) target.released = now + RELEASED
      past.drop(entry, own)
      sink.push({ kind: 'gap', producer, number, reason: 'full' })
    }
  }

  #askReceiver(receiver: Destination, number: number, pause: number, now: number, sink: Says): void {
    const { asked, askedAt, confirmed } = receiver
    if (confirmed >= number || now - askedAt < (asked > confirmed ? AGAIN : pause)) return
    receiver.asked = number
    receiver.askedAt = now
    const { self: producer, epoch } = this.#sending
    sink.push({ kind: 'ask', peer: receiver.name, statement: { producer, epoch, number } })
  }

  /**
   * Whether our publications to the topic up to `number` were handed out wherever they go: over links their receivers say
   * so, on a wide channel their time must have passed, and a stream for at-least-once subscriptions knows what was taken,
   * which what waits for its turn is not.
   */
  #handedOut({ kind, linked, assured, number: last }: Entry, number: number, now: number): boolean {
    if (assured.some(({ name }) => this.#retained(name))) return false
    const upTo = Math.min(number, last)
    if (wayOf(kind) === Way.wide) return upTo <= this.#sending.expired(now)
    return linked.every(({ confirmed }) => confirmed >= upTo)
  }

  /** Somebody asks for our publications up to a number. */
  asked(peer: string, statement: Statement, now: number, sink: Says): void {
    const { epoch, number } = statement
    if (epoch !== this.#sending.epoch || this.#told(number, now)) sink.push({ kind: 'passed', peer, statement })
    else if (this.#listeners.length < MOST_LISTENERS) this.#listeners.push({ peer, number })
  }

  #told(number: number, now: number): boolean {
    return this.#sending.past.entries.every((entry) => !isOwnTopic(entry) || this.#handedOut(entry, number, now))
  }

  #tell(now: number, sink: Says): void {
    if (this.#listeners.length === 0) return
    const { self: producer, epoch } = this.#sending
    this.#listeners = this.#listeners.filter(({ peer, number }) => {
      if (!this.#told(number, now)) return true
      sink.push({ kind: 'passed', peer, statement: { producer, epoch, number } })
      return false
    })
  }

  /** The peer says so. */
  confirmed(peer: string, { producer, epoch, number }: Statement, now: number, sink: Says): void {
    const { past, self, epoch: ours, last } = this.#sending
    if (producer === self) {
      const target = this.#sending.host(peer)
      if (epoch === ours && target !== undefined) this.#sending.confirm(target, Math.min(number, last))
      this.#settle(now, sink)
      return
    }
    for (const entry of [...past.entries]) {
      if (entry.producer !== producer || entry.epoch > epoch) continue
      const responsible = entry.kind === DestinationKind.host ? entry.destination : producer
      if (responsible !== peer) continue
      if (entry.number <= number) past.drop(entry, false)
      else entry.answered = Math.max(entry.answered, number)
    }
  }

  /** Lets go of the topics whose receivers all have their last message. */
  #settle(now: number, sink: Says): void {
    const { past } = this.#sending
    for (const entry of [...past.entries]) {
      if (isOwnTopic(entry) && this.#handedOut(entry, entry.number, now)) past.drop(entry, true)
    }
    this.#tell(now, sink)
  }

  /** The host is gone: nobody waits for it, and it wants to hear nothing. */
  gone(peer: string, now: number, sink: Says): void {
    this.#listeners = this.#listeners.filter((listener) => listener.peer !== peer)
    this.#settle(now, sink)
  }
}

function askOthers(entry: Entry, pause: number, now: number, sink: Says): void {
  const { producer, epoch, number, asked, answered, askedAt, kind, destination } = entry
  // What was asked first is answered first: a later number may wait for that.
  if (now - askedAt < (asked > answered ? AGAIN : pause)) return
  entry.asked = number
  entry.askedAt = now
  const peer = kind === DestinationKind.host ? destination : producer
  sink.push({ kind: 'ask', peer, statement: { producer, epoch, number } })
}

function isOwnTopic(entry: Entry): boolean {
  return entry.kind !== DestinationKind.host && entry === entry.target.own
}
