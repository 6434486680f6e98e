import type { Link } from '../links/types.ts'
import type { AssuredSubscription } from './assured-subscription.ts'
import type { StreamReplica } from './log/stream-replica.ts'

/** A place in a publisher's log up to which everything wanted here has come. */
export interface Reached {
  /** The publisher's life. */
  life: number
  log: number
  sequence: number
  /** Wall-clock ms. */
  time: number
}

/** What is known of a publisher's stream. */
export interface Inbound {
  epoch: number
  stream: number
  /** The number awaited. */
  next: number
  taken: number
  /** The last one that a frame came over. */
  link: Link
  /** What came before `next` is accounted for: it was received, read from a log, or told to be lost. */
  whole: boolean
  /** Undefined until the first frame that is in its place. */
  reached: Reached | undefined
  /** Subscriptions that have more from others' logs, numbers of the life in `reached`: that comes by the stream yet. */
  ahead: Map<AssuredSubscription, number> | undefined
  /** What others may have of it. */
  kept: StreamReplica | undefined
}
