import { MeshError } from '../../../protocols/errors.ts'
import { encodeNumber } from '../../../protocols/point-to-point/codec.ts'
import { Kind } from '../../../protocols/point-to-point/constants.ts'
import type { StreamLink } from '../links/link.ts'
import type { Clock, Timer } from '../ports.ts'
import { type Conversation, HOLD } from './conversation.ts'

/** ms between looks at what was sent and not acknowledged. A guess. */
const SWEEP = 500
/** Signs of life within the time that a sender gives its attempt, and the ms between them however short that is. Guesses. */
const SIGNS = 3
const SHORTEST_HOLD = 50

/**
 * How a dead receiver is told from a long queue: whoever holds messages says so in time for the most impatient of their
 * senders, and an attempt of which nothing was heard for its timeout has failed. "Acknowledgement" in
 * `protocols/point-to-point/README.md`.
 *
 * Invariants: while anything sent is not settled a sweep is due within `SWEEP`; while anything received is not settled a sign is
 * due within the least `rhythm` of the conversations. Every link here has a conversation.
 */
export class SignsOfLife {
  readonly #clock: Clock
  readonly #links = new Set<StreamLink>()
  #sweeper: Timer | undefined
  #holder: Timer | undefined
  /** Monotonic ms when the next sign is due. */
  #holdAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The link has a conversation from here on. */
  add(link: StreamLink): void {
    this.#links.add(link)
  }

  delete(link: StreamLink): void {
    this.#links.delete(link)
  }

  stop(): void {
    this.#sweeper?.cancel()
    this.#holder?.cancel()
  }

  // ---- of the sender -----------------------------------------------------------------------------------------------

  /** Something was sent that is to be acknowledged. */
  awaited(): void {
    this.#sweeper ??= this.#clock.after(SWEEP, () => this.#sweep())
  }

  /** The receiver says that everything up to a number is there. */
  heard(conversation: Conversation, upTo: number): void {
    conversation.heldUpTo = upTo
    conversation.heldAt = this.#clock.monotonic()
  }

  /** Fails the attempts of which nothing was heard for their timeout. */
  #sweep(): void {
    this.#sweeper = undefined
    const now = this.#clock.monotonic()
    for (const link of this.#links) {
      const { sent, heldUpTo, heldAt } = link.state as Conversation
      if (sent.size === 0) continue
      this.awaited()
      for (const [sequence, { entry, at }] of [...sent]) {
        const heard = sequence <= heldUpTo ? Math.max(at, heldAt) : at
        if (now - heard <= entry.timeout) continue
        sent.settle(sequence)
        entry.failed(new MeshError('ERR_TIMEOUT', `no acknowledgement within ${entry.timeout} ms`), undefined)
      }
    }
  }

  // ---- of the receiver ---------------------------------------------------------------------------------------------

  /** Something came that is to be acknowledged; `timeout`: ms that its sender gives the attempt. */
  holds(conversation: Conversation, timeout: number | undefined): void {
    if (timeout !== undefined && timeout < SIGNS * conversation.rhythm) this.#hasten(conversation, timeout)
    if (this.#holder === undefined) this.#holdWithin(conversation.rhythm)
  }

  /** A sender with less patience than most. */
  #hasten(conversation: Conversation, timeout: number): void {
    conversation.rhythm = Math.max(SHORTEST_HOLD, timeout / SIGNS)
    if (this.#holdAt > this.#clock.monotonic() + conversation.rhythm) this.#holdWithin(conversation.rhythm)
  }

  #holdWithin(ms: number): void {
    this.#holder?.cancel()
    this.#holdAt = this.#clock.monotonic() + ms
    this.#holder = this.#clock.after(ms, () => this.#hold())
  }

  /** Tells senders that what they sent is here and waits; a handler that runs too long is refused where it runs. */
  #hold(): void {
    this.#holder = undefined
    let rhythm = Number.POSITIVE_INFINITY
    for (const link of this.#links) {
      const conversation = link.state as Conversation
      if (conversation.open === 0) conversation.rhythm = HOLD
      if (conversation.open === 0 || link.closed) continue
      link.send(Kind.hold, encodeNumber(conversation.received - 1), false)
      rhythm = Math.min(rhythm, conversation.rhythm)
    }
    if (rhythm < Number.POSITIVE_INFINITY) this.#holdWithin(rhythm)
  }
}
