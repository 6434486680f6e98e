import type { MeshError } from '../../../../protocols/errors.ts'
import type { Feed } from '../log/types.ts'
import type { LogPlace } from '../types.ts'

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
