import type { Configuration, SnapshotMeta } from '../../../core/consensus/types.ts'
import type { Outcome } from '../../../core/replicated/types.ts'

/** What was asked of a group. */
export interface Asked {
  readonly index: number
  readonly term: number
  readonly value: unknown
  /** Monotonic ms when it was sent for the first time. */
  readonly sentAt: number
}

export interface Wait {
  signal?: AbortSignal | undefined
  /** ms. */
  timeout?: number | undefined
}

export type Consistency = 'strong' | 'session' | 'eventual'

/** What clients ask of the replica on their own host. */
export interface LocalReplica {
  /** The last entry that a query knows of. */
  readonly applied: number
  propose(command: Uint8Array): Promise<{ readonly index: number; readonly term: number; readonly outcome: Outcome }>
  readIndex(): Promise<number>
  reached(index: number, wait: Wait): Promise<void>
  query(part: string, question: unknown): unknown
  reconfigure(target: { voters: readonly string[]; learners: readonly string[] }): Promise<void>
  transfer(to: string | undefined): Promise<void>
  snapshot(): Promise<SnapshotMeta>
  status(): LocalStatus
  /** Calls back in later turns; may be ended from within. */
  follow(from: number, onEntries: (followed: Followed) => void): () => void
  onChange(listener: () => void): () => void
}

export interface LocalStatus {
  readonly role: string
  readonly term: number
  readonly leader: string | undefined
  readonly commit: number
  readonly configuration: Configuration
}

/** What `follow` tells: the state as of an index, or what was applied after it, up to an index. */
export type Followed =
  | { readonly snapshot: Uint8Array; readonly index: number }
  | { readonly applied: readonly Applied[]; readonly index: number }

interface Applied {
  readonly index: number
  readonly term: number
  readonly part: string
  readonly body: unknown
  readonly outcome: Outcome
}
