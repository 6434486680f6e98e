import { Kind } from '../../../protocols/point-to-point/constants.ts'
import type { StreamLink } from '../links/link.ts'
import type { Turn } from '../links/turn.ts'
import { AckBatch } from './ack-batch.ts'
import { SentWindow } from './sent-window.ts'

/** ms between signs of life for what is queued here, where no sender wants them sooner. */
export const HOLD = 1_000

/** What becomes of a tracked transmission. */
export interface Tracked {
  /** ms without a sign of life after which the attempt has failed. */
  readonly timeout: number
  acknowledged(): void
  /** Acknowledged, and handled before: this was a second copy. Only of what was sent with a place. */
  recognised(): void
  failed(error: unknown, delay: number | undefined): void
}

export interface Sent {
  entry: Tracked
  at: number
}

/** What this protocol keeps for each of its links, in both roles. */
export class Conversation {
  readonly sent = new SentWindow<Sent>()
  /** Everything up to `heldUpTo` was in the receiver's queue at `heldAt`. */
  heldUpTo = -1
  heldAt = 0
  /** The number of the next tracked message to come. */
  received = 0
  /** ms between signs of life, as its most impatient sender since it last held nothing needs them. */
  rhythm = HOLD
  readonly acks: AckBatch
  readonly #link: StreamLink
  readonly #turn: Turn
  #repeats: AckBatch | undefined
  /** Tracked messages that came and were not settled yet. */
  open = 0

  constructor(link: StreamLink, turn: Turn) {
    this.#link = link
    this.#turn = turn
    this.acks = new AckBatch(link, turn)
  }

  /** The acknowledgements of what was handled before: most streams never have one. */
  get repeats(): AckBatch {
    this.#repeats ??= new AckBatch(this.#link, this.#turn, Kind.again)
    return this.#repeats
  }
}
