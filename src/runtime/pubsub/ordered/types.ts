import type { MeshError } from '../../../../protocols/errors.ts'
import type { OrderingGroups } from '../../ordering/types.ts'
import type { Feed } from '../log/types.ts'
import type { LogPlace } from '../types.ts'

/** What publish-subscribe needs for total order. */
export interface PublicationOrdering {
  readonly groups: OrderingGroups
  /** The message, as it was published, with its number in it; shares no memory with `bytes`. */
  number(bytes: Uint8Array, number: number): Uint8Array
}

/** A subscription as what reads a group's log sees it. */
export interface OrderedSubscription {
  readonly owner: string
  readonly pattern: string
  /** It is read for at its own pace: nothing is handed to it while it is `full`. Else what it has no room for is its own matter. */
  readonly paced: boolean
  readonly full: boolean
  /** To be called when it is full no longer. */
  onRoom: (() => void) | undefined
  /** False where the message is not wanted. `feed` hears when it is done with. */
  offerOrdered(publisher: string, topic: string, bytes: Uint8Array, place: LogPlace, feed: Settling): boolean
  /** Its loops fail where something is missing; else the event tells. */
  readonly tellsGaps: boolean

  gapOrdered(gap: () => MeshError, place: LogPlace, feed: Settling): void
}

export type Settling = Pick<Feed, 'settled'>

export type OrderedEvent =
  /**
   * Numbers of a group's sequence that a subscription did not get: it was too slow, or away too long, for what the group keeps.
   * `from` undefined: nobody here knows the first of them. `key` where the sequence is a key's, else `topic`.
   */
  {
    kind: 'sequence-gap'
    group: string
    topic: string | undefined
    key: string | undefined
    from: number | undefined
    to: number
    /** Whose; `''` of all subscriptions of the node that drop what they have no room for. */
    owner: string
    pattern: string
  }
