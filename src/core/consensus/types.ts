import type { MessageContent, SnapshotMeta } from '../../../protocols/raft/messages.ts'

export type {
  Configuration,
  Entry,
  EntryContent,
  Hint,
  MessageContent,
  SnapshotMeta
} from '../../../protocols/raft/messages.ts'

/** What a node must remember beside its log (thesis, figure 3.1). `commit` is only remembered to start sooner. */
export interface HardState {
  readonly term: number
  readonly vote: string | undefined
  readonly commit: number
}

export interface Snapshot extends SnapshotMeta {
  readonly data: Uint8Array
}

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/** `term` is the sender's, except in a pre-vote and its grant: there it is the one that would be begun. */
export type Message = MessageContent & { readonly from: string; readonly to: string; readonly term: number }

export type MessageOf<Kind extends Message['kind']> = Extract<Message, { kind: Kind }>
