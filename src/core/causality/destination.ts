import type { DestinationKind } from '../../../protocols/causality/constants.ts'
import type { Dependency, HeldDependency } from '../../../protocols/causality/messages.ts'
import { Roster } from '../delivery/roster.ts'

/** A dependency that this host holds. Invariant: `place` ≥ 0 while it is held, `slot` ≥ 0 once a message told of it. */
export class Entry implements HeldDependency {
  readonly target: Destination
  readonly producer: string
  readonly epoch: number
  number = 0
  slot = -1
  place = -1
  changed = -1
  /** Monotonic ms since when it is held, and since when its number is what it is. */
  since = 0
  stillSince = 0
  /** Of an entry of others: the number that was asked after last, and when, and the highest that was answered. */
  asked = 0
  answered = 0
  askedAt = Number.NEGATIVE_INFINITY
  /** Of an own entry of a topic: who got its last message over links, and who for at-least-once subscriptions. */
  linked: readonly Destination[] = []
  assured: readonly Destination[] = []

  constructor(target: Destination, producer: string, epoch: number) {
    this.target = target
    this.producer = producer
    this.epoch = epoch
  }

  get kind(): DestinationKind {
    return this.target.kind
  }

  get destination(): string {
    return this.target.name
  }
}

/** A message that is sent again until it is settled: it keeps its number while it goes to the same host. */
export class Mark {
  readonly target: Destination
  readonly number: number
  readonly previous: number
  /** What it told its receiver to wait for when it was sent first, and the publications that were in its past then. */
  readonly told: readonly Dependency[]
  place = -1

  constructor(target: Destination, number: number, previous: number, told: readonly Dependency[]) {
    this.target = target
    this.number = number
    this.previous = previous
    this.told = told
  }
}

/** What one of our messages told its receiver to wait for, in the place of which others now hold that message. */
interface Covered {
  /** Our message to it before that one. */
  readonly before: number
  readonly carrier: number
  readonly dependency: Dependency
}

/** Kept of what was told and may have to be told again. Beyond it a message that is lost leaves a hole: see `cover`. */
const MOST_COVERED = 64

/** Where messages of this host go to, or others' that it has heard of. */
export class Destination {
  readonly kind: DestinationKind
  readonly name: string
  /** What stands for all that we sent there. */
  readonly own: Entry
  /** Of a host: the number of our last message to it. */
  last = 0
  /** A link to it closed after our message of this number: what is not sent again of those up to it may be lost. */
  severed = 0
  /** It has handed out all of ours up to here. */
  confirmed = 0
  /** The number that it was asked to confirm last, and when. */
  asked = 0
  askedAt = Number.NEGATIVE_INFINITY
  /** Entries of others that name it. */
  inherited = 0
  /** Monotonic ms until which what we send there is not in our past: it confirmed nothing while everybody else had to wait. */
  released = Number.NEGATIVE_INFINITY
  /** The host is gone: should it come back, another takes this one's place. */
  over = false
  /** What will be sent again. */
  readonly unsettled = new Roster<Mark>()
  #covered: Covered[] = []

  constructor(kind: DestinationKind, name: string, self: string, epoch: number) {
    this.kind = kind
    this.name = name
    this.own = new Entry(this, self, epoch)
  }

  /**
   * Our message `carrier`, which follows `last`, told it of the dependency, and stands for it from now on. Should the message be lost, what
   * fills its place has to say it again. Of more than 64 not confirmed the oldest are forgotten.
   */
  cover(carrier: number, { kind, destination, producer, epoch, number }: Dependency): void {
    if (this.#covered.length > 0) this.#covered = this.#covered.filter((item) => item.carrier > this.confirmed)
    if (this.#covered.length >= MOST_COVERED) this.#covered.shift()
    const before = this.last
    this.#covered.push({ before, carrier, dependency: { kind, destination, producer, epoch, number } })
  }

  /** What our messages after `above` and up to `number` told it. */
  told(above: number, number: number): readonly Dependency[] {
    if (this.#covered.length === 0) return NOTHING
    const told = this.#covered.filter(({ carrier }) => carrier > above && carrier <= number)
    return told.map(({ dependency }) => dependency)
  }

  /**
   * A run of messages that will not come, cut before and behind each that told something: what one of them told may wait
   * for one before it, and as one they would wait for each other.
   */
  cut(previous: number, number: number): number[] {
    const cuts = [previous]
    for (const { before, carrier } of this.#covered) {
      if (before > cuts.at(-1)! && before < number) cuts.push(before)
      if (carrier > cuts.at(-1)! && carrier < number) cuts.push(carrier)
    }
    return [...cuts, number]
  }
}

const NOTHING: readonly Dependency[] = []
