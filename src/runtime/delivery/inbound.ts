import type { Message } from '../../../protocols/envelope/message.ts'
import type { Place } from '../../../protocols/point-to-point/codec.ts'
import type { Change } from '../storage/types.ts'
import type { PausedSenders } from './paused-senders.ts'

/** A message on its way into an agent, however it came. Invariant: settled once, by `done`, `again`, `commit` or `refuse`. */
export interface Inbound {
  readonly message: Message
  /** The agent addressed, and the instance where the sender asked for one. */
  readonly target: string
  readonly instance: string | undefined
  /** What it is recognised by when it comes twice; undefined where nobody asked for that. */
  readonly place: Place | undefined
  /** 1 for the first transmission. */
  readonly attempt: number
  /** The host it came from, as text. */
  readonly peer: string
  /** ms that the handler may take; undefined for a message that nobody waits for. */
  readonly timeout: number | undefined
  /** Bytes it takes in memory, about. */
  readonly bytes: number
  /** True where its sender bounds how many of these there can be: by its credit, or since it keeps them itself. */
  readonly bounded: boolean
  /** True once nobody hears any longer how it ended, although its sender asked to. */
  readonly orphaned: boolean
  /** Lets go of the chunk it came in: it is to be kept for a while. */
  detach(): void
  /** It no longer fills its sender's window: it was queued where a bound of its own holds. */
  release(): void
  done(): void
  /** It was handled before: only of what has a place. */
  again(): void
  /**
   * Done, and stored in one atomic write with what its handler changed: there where it is recorded that a message was
   * handled. Rejects with `ERR_STORAGE`: then nothing was stored, and the message is refused.
   */
  commit?(changes: readonly Change[]): Promise<void>
  /** `delay`: ms before the next attempt, or undefined for the sender's strategy. `thrown`: by the handler. */
  refuse(error: unknown, delay?: number, thrown?: boolean): void
  /** Asks its sender to hold back what is for this target and of this type. */
  pause(paused: PausedSenders): void
}

/** Takes what comes for the agents of this node. */
export type Deliver = (inbound: Inbound) => void
