import { DestinationKind, isTwofold, MAX_ENTRIES, Way, wayOf } from '../../../protocols/causality/constants.ts'
import type {
  ChangeLog,
  Dependency,
  HeldDependency,
  Missing,
  OutgoingStamp
} from '../../../protocols/causality/messages.ts'
import { Destination, Mark } from './destination.ts'
import { fillFor, type Runs } from './fills.ts'
import { Past } from './past.ts'
import { WideLog } from './wide-log.ts'

/** What a host's own stream, for its at-least-once subscriptions, has of ours. */
export interface Kept {
  /** Some that it has not taken. */
  readonly retained: boolean
  /** The first number that it has not received; Infinity where it has received all. */
  readonly unreceived: number
}

class Stamp implements OutgoingStamp {
  epoch = 0
  number = 0
  previous = 0
  dependencies: readonly HeldDependency[] = []
  log: ChangeLog | undefined
  own: HeldDependency | undefined
  again: readonly Dependency[] = []
}

/**
 * The sender's half: numbers what this host sends and says what is in its past. A stamp is made first and holds once
 * `sent` or `published` was called: what could not be written uses no number.
 */
export class Sending {
  readonly past = new Past()
  readonly self: string
  readonly epoch: number
  readonly #stamp = new Stamp()
  readonly #hosts = new Map<string, Destination>()
  readonly #topics = new Map<string, Destination>()
  /** The number of our last message, wherever it went. */
  #last = 0
  readonly #wide = new WideLog()
  readonly #awaits: (publication: Dependency) => boolean

  /** `awaits`: whether a copy of a publication that goes two ways is still to come here. */
  constructor(self: string, epoch: number, awaits: (publication: Dependency) => boolean = () => false) {
    this.self = self
    this.epoch = epoch
    this.#awaits = awaits
    this.#stamp.epoch = epoch
  }

  get last(): number {
    return this.#last
  }

  /** True where one more message would carry too much: what is held must be confirmed first. */
  get full(): boolean {
    return this.past.entries.length > MAX_ENTRIES
  }

  destination(kind: DestinationKind, name: string): Destination {
    const known = kind === DestinationKind.host ? this.#hosts : this.#topics
    const key = kind === DestinationKind.host ? name : `${kind}${name}`
    let destination = known.get(key)
    if (destination === undefined) {
      destination = new Destination(kind, name, this.self, this.epoch)
      known.set(key, destination)
    }
    return destination
  }

  host(peer: string): Destination | undefined {
    return this.#hosts.get(peer)
  }

  /** For the next message to a host. The same object at each call. */
  stamp({ last, own }: Destination): OutgoingStamp {
    const stamp = this.#stamp
    stamp.number = this.#last + 1
    stamp.previous = last
    stamp.own = own
    stamp.again = NOTHING
    this.#expose(stamp)
    return stamp
  }

  #expose(stamp: Stamp): void {
    this.past.expose()
    stamp.dependencies = this.past.entries
    stamp.log = this.past.log
  }

  /** The message that was stamped last has left. Returns its number. */
  sent(target: Destination, now: number): number {
    const number = ++this.#last
    if (target.inherited > 0) this.#replace(target, number, target, NOBODY)
    target.last = number
    this.past.hold(target.own, number, now)
    return number
  }

  /** As `sent`, for what will be sent again until it is settled. */
  sentUntilSettled(target: Destination, now: number): Mark {
    const { last, inherited } = target
    const topics = this.past.topics()
    const number = this.sent(target, now)
    const told = inherited > 0 ? target.told(number - 1, number) : NOTHING
    const mark = new Mark(target, number, last, inherited > 0 ? [...told, ...topics] : topics)
    target.unsettled.add(mark)
    return mark
  }

  /**
   * For a message sent again to the same host: with its number, and what its receiver had to wait for then. What this host
   * learned since of messages that go to its receiver may follow from this very message, and must not hold it up. All is told
   * in full: what later messages told on the stream comes after this one.
   */
  stampAgain({ target, number, previous, told }: Mark): OutgoingStamp {
    const stamp = new Stamp()
    stamp.epoch = this.epoch
    stamp.number = number
    stamp.previous = previous
    const others = this.past.entries.filter((entry) => entry.target !== target && entry.kind === DestinationKind.host)
    stamp.again = [...told, ...others]
    return stamp
  }

  /** For the next message to many: complete in itself. */
  stampMany(): OutgoingStamp {
    const stamp = this.#stamp
    stamp.number = this.#last + 1
    stamp.previous = 0
    stamp.own = undefined
    stamp.again = NOTHING
    this.#expose(stamp)
    return stamp
  }

  /**
   * The publication that was stamped last goes to these hosts for their at-most-once subscriptions, over a wide channel to
   * others as well, whom nobody knows, and to these for their at-least-once subscriptions. It has one number by all its ways.
   */
  published(topic: Destination, linked: readonly Destination[], assured: readonly Destination[], now: number): void {
    const number = ++this.#last
    if (topic.inherited > 0) this.#replace(topic, number, undefined, new Set([...linked, ...assured]))
    const { own } = topic
    own.linked = linked
    own.assured = assured
    const way = wayOf(topic.kind)
    if (way === Way.link) for (const receiver of linked) receiver.last = number
    else if (way === Way.wide) this.#wide.note(number, now)
    this.past.hold(own, number, now)
  }

  /**
   * Others' entries for where our message went: it stands for them, at each host that it reaches. It does not reach this
   * host: what is still to come here others must be told of.
   */
  #replace(target: Destination, number: number, only: Destination | undefined, all: Iterable<Destination>): void {
    const { past } = this
    for (let i = past.entries.length - 1; i >= 0; i--) {
      const entry = past.entries[i]!
      if (entry.target !== target || entry === target.own) continue
      if (isTwofold(entry.kind) && this.#awaits(entry)) continue
      if (only !== undefined) only.cover(number, entry)
      else for (const receiver of all) receiver.cover(number, entry)
      past.drop(entry, false)
    }
  }

  /** It was handed out at its destination, or will not be sent there again. */
  settle(mark: Mark, confirmed: boolean): void {
    mark.target.unsettled.delete(mark)
    if (confirmed) this.confirm(mark.target, mark.number)
  }

  /** The host has handed out all of ours up to `number`. */
  confirm(target: Destination, number: number): void {
    if (number <= target.confirmed) return
    target.confirmed = number
    const { own } = target
    if (own.place >= 0 && own.number <= number) this.past.drop(own, true)
  }

  /** A link to the host closed: what it carried may be lost. */
  severed(peer: string): void {
    const target = this.#hosts.get(peer)
    if (target !== undefined) target.severed = target.last
  }

  /** What becomes of our messages to `peer` after `passed` and up to `number`. */
  fill(peer: string, { way, passed, number }: Missing, { retained, unreceived }: Kept, now: number): Runs {
    if (way === Way.link) return fillFor(this.#hosts.get(peer), passed, number, this.#last)
    const wide = way === Way.wide && number > this.expired(now)
    // What it has received and not taken may wait there for this very answer: it is not what is missing.
    const awaited = wide || (way === Way.assured && unreceived <= number)
    return {
      runs: awaited || number > this.#last ? [] : [passed, number],
      coming: wide || (way === Way.assured && retained)
    }
  }

  /** The last number up to which nothing is under way on wide channels. */
  expired(now: number): number {
    return this.#wide.expired(now)
  }

  /** The host is gone for good: nothing waits there any more. */
  gone(peer: string): void {
    const target = this.#hosts.get(peer)
    if (target === undefined) return
    this.#hosts.delete(peer)
    target.over = true
    for (const entry of [...this.past.entries]) if (entry.target === target) this.past.drop(entry, entry === target.own)
    for (const topic of this.#topics.values()) {
      const { own } = topic
      if (own.linked.includes(target)) own.linked = own.linked.filter((receiver) => receiver !== target)
      if (own.assured.includes(target)) own.assured = own.assured.filter((receiver) => receiver !== target)
    }
  }

  /** Forgets topics of which nothing is held, once there are many. */
  tidy(): void {
    if (this.#topics.size < MANY_TOPICS) return
    for (const [key, { own, inherited }] of this.#topics) {
      if (own.place < 0 && inherited === 0) this.#topics.delete(key)
    }
  }
}

/** A guess: what one node publishes to in a while. */
const MANY_TOPICS = 1_024

const NOTHING: readonly Dependency[] = []
const NOBODY: readonly Destination[] = []
