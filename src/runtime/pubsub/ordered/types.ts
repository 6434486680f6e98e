import type { OrderingGroups } from '../../ordering/types.ts'

/** What publish-subscribe needs for total order. */
export interface PublicationOrdering {
  readonly groups: OrderingGroups
  /** The message, as it was published, with its number in it; shares no memory with `bytes`. */
  number(bytes: Uint8Array, number: number): Uint8Array
}

export type OrderedEvent =
  /**
   * Numbers of a group's sequence that a subscription did not get: it was too slow, or away too long, for what the group keeps.
   * `from` undefined: nobody here knows the first of them. `key` where the sequence is a key's, else `topic`.
   */
  | {
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
  /**
   * No replica of the group was in reach when a subscription began: it does not wait any longer, and misses what the group puts in
   * order before it is reached.
   */
  | { kind: 'sequence-unread'; group: string; owner: string; pattern: string }
