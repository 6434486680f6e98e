import type { Way } from '../../../protocols/causality/constants.ts'
import type { Dependency, HeardDependency } from '../../../protocols/causality/messages.ts'
import { Deadlines, type Due } from '../delivery/deadlines.ts'

/** A host whose messages come here by one way, in one of its lives. Invariant: all of them up to `passed` were handed out or will not come. */
export class Source {
  readonly peer: string
  readonly epoch: number
  readonly way: Way
  passed = 0
  /** What waits for a number of it: the lowest first. */
  readonly waiting = new Deadlines<Waiting>()
  /** Its own messages that wait. */
  readonly held = new Set<Held>()
  /** The highest number that ever waited. Invariant: while it has not passed, its message waits. */
  highest = 0
  /** Monotonic ms since when something waits and nothing has passed. */
  stalled = 0
  /** Monotonic ms when it said last that something is on its way. */
  vouched = Number.NEGATIVE_INFINITY
  /** When it was asked last what is missing, and how often since something passed. */
  askedAt = Number.NEGATIVE_INFINITY
  asked = 0
  /** Another life has taken its place, or it is gone: only what of it is here is waited for, and nobody may keep it. */
  over = false
  /** Of one that is over: what waited then, in order; what stands before `#left` waits no more. */
  #ending: readonly Held[] = []
  #left = 0

  constructor(peer: string, epoch: number, way: Way) {
    this.peer = peer
    this.epoch = epoch
    this.way = way
  }

  hold(held: Held): void {
    this.held.add(held)
    this.highest = Math.max(this.highest, held.number)
  }

  /** Nothing more of it comes. What is here keeps its order, and others that follow it go after it. */
  end(): void {
    this.over = true
    this.#ending = [...this.held].sort((a, b) => a.number - b.number)
  }

  /** Nobody waits for its numbers up to this one. */
  get reached(): number {
    if (!this.over) return this.passed
    while (this.#left < this.#ending.length && !this.held.has(this.#ending[this.#left]!)) this.#left++
    const next = this.#ending[this.#left]
    return next === undefined ? Number.POSITIVE_INFINITY : Math.max(this.passed, next.number - 1)
  }

  /** The last number before this one that waits, or has waited: its host sent it first. */
  before(number: number): number {
    // Nearly always: what comes by one way comes in order.
    if (number > this.highest) return this.highest
    let last = 0
    for (const held of this.held) if (held.number < number) last = Math.max(last, held.number)
    return last
  }
}

/** A number that must have passed. */
export interface Need {
  readonly source: Source
  readonly number: number
}

/** Something that waits for its turn. `at`: the number that it waits for now, of one source; `slot`: its place among those who wait for that. */
export interface Waiting extends Due {
  readonly needs: readonly Need[]
  readonly what: Held | Asker | Void
}

/** A message. */
export interface Held {
  readonly kind: 'message'
  readonly item: unknown
  readonly bytes: number
  readonly source: Source
  readonly number: number
  readonly previous: number
  /** What it tells of others, as it was told. */
  readonly told: readonly (Dependency & Pick<HeardDependency, 'role'>)[]
}

/** A host that wants to be told. */
export interface Asker {
  readonly kind: 'asker'
  readonly peer: string
  readonly source: Source
  readonly number: number
}

/** The place of messages that will not come. */
export interface Void {
  readonly kind: 'void'
  readonly source: Source
  readonly number: number
}
