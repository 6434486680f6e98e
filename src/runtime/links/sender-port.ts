import type { Lane } from '../../../protocols/framing/constants.ts'
import type { Clock } from '../ports.ts'
import type { Turn } from './turn.ts'

/** What sending needs of the table of links. */
export interface SenderOwner {
  readonly clock: Clock
  readonly turn: Turn
  readonly limits: {
    /** Bytes that may wait in one link for credit or for the socket. */
    readonly queueBytes: number
  }
  /** Bytes of a frame that the peer is known, or else assumed, to take. */
  maxFrameOf(peer: string): number
  /** Monotonic ms when what an agent sent or answered last passed on a control lane with the peer, either way. */
  controlUsedAt(peer: string): number
}

/** What sending needs of its link. */
export interface SenderLink {
  readonly peer: string
  readonly lane: Lane
  abort(error: Error): void
  /** The peer does not take what waits for it: said once a stall. */
  stalled(): void
}
