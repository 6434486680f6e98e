/** What the replicas of a Raft group say to each other, as plain types. Who says it is known by the link. */

/** Who votes and who listens. Joint while `outgoing` is not empty (thesis 4.3): then both sets must agree. */
export interface Configuration {
  readonly voters: readonly string[]
  /** The voters of the configuration that is being left; empty otherwise. */
  readonly outgoing: readonly string[]
  /** Follow the log and count for nothing. One that is still in `outgoing` is a voter until the change has ended. */
  readonly learners: readonly string[]
}

/** `empty`: what a leader begins its term with (thesis 6.4). `configuration` counts from the moment it is appended. */
export type EntryContent =
  | { readonly kind: 'command'; readonly data: Uint8Array }
  | { readonly kind: 'empty' }
  | { readonly kind: 'configuration'; readonly configuration: Configuration }

export type Entry = EntryContent & { readonly index: number; readonly term: number }

export interface SnapshotMeta {
  /** The last entry that the snapshot stands for. */
  readonly index: number
  readonly term: number
  /** The latest at or before `index`. */
  readonly configuration: Configuration
}

/** The last entry of a follower that may still agree with a leader whose entry was not there. */
export interface Hint {
  readonly index: number
  readonly term: number
}

export type MessageContent =
  | {
      readonly kind: 'append'
      readonly prevIndex: number
      readonly prevTerm: number
      readonly entries: readonly Entry[]
      readonly commit: number
    }
  /** `index`: up to where the logs agree, or, rejected, the `prevIndex` that did not fit and a hint where to look. */
  | { readonly kind: 'append-reply'; readonly index: number; readonly rejected: Hint | undefined }
  /** Small and plain, so that the heartbeats of many groups fit one frame. `round` comes back in the reply. */
  | { readonly kind: 'heartbeat'; readonly commit: number; readonly round: number }
  | { readonly kind: 'heartbeat-reply'; readonly round: number }
  /** `force`: the leader itself asked for this election (thesis 3.10), so its followers need not stand by it. */
  | {
      readonly kind: 'vote'
      readonly pre: boolean
      readonly force: boolean
      readonly lastIndex: number
      readonly lastTerm: number
    }
  | { readonly kind: 'vote-reply'; readonly pre: boolean; readonly granted: boolean }
  | { readonly kind: 'timeout-now' }
  /** A part of the snapshot's data, from byte `offset` of `total`. */
  | {
      readonly kind: 'snapshot'
      readonly meta: SnapshotMeta
      readonly offset: number
      readonly total: number
      readonly data: Uint8Array
    }
  /** So many bytes of the snapshot at `index` are here, in one piece. */
  | { readonly kind: 'snapshot-reply'; readonly index: number; readonly received: number }

/** `term` is the sender's, except in a pre-vote and its grant: there it is the one that would be begun. */
export type GroupMessage = MessageContent & { readonly group: string; readonly term: number }

export type GroupMessageOf<Kind extends MessageContent['kind']> = Extract<GroupMessage, { kind: Kind }>
