import type { RaftOptions } from '../../core/consensus/options.ts'
import type { Status } from '../../core/consensus/raft.ts'
import type { Role } from '../../core/consensus/types.ts'

/** Where in the log a command stands. */
export interface Applying {
  readonly index: number
  readonly term: number
}

export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string }

/** What the replicas of a group hold: the same after the same commands. */
export interface Replicated {
  /** The command that the last `apply` was the first to apply; undefined where it changed nothing: a repeat, say. */
  readonly applied: { readonly part: string; readonly body: unknown } | undefined
  /** A malformed command is an outcome, never a throw. */
  apply(data: Uint8Array, at: Applying): Outcome
  query(part: string, question: unknown): unknown
  /** What is held now, in pieces that are made while they are asked for, whatever is applied meanwhile. `restore` takes them joined. */
  capture(): Iterable<Uint8Array>
  /** Throws `ERR_CORRUPT`. */
  restore(bytes: Uint8Array): void
}

/** What was proposed and is committed and applied. */
export interface Committed extends Applying {
  readonly outcome: Outcome
}

/** A command that was applied here for the first time. */
export interface Applied extends Applying {
  readonly part: string
  readonly body: unknown
  readonly outcome: Outcome
}

/** What `follow` tells: the state as of an index, or what was applied after it. */
export type Followed =
  | { readonly snapshot: Uint8Array; readonly index: number }
  /** `index`: all up to there was told; those that changed nothing are left out. */
  | { readonly applied: readonly Applied[]; readonly index: number }

export interface ReplicaStatus extends Omit<Status, 'role'> {
  readonly role: Role | 'learner'
}

export interface ReplicaOptions {
  /** Entries applied after which a snapshot is taken. Default 10,000: a guess. */
  snapshotEntries: number
  /** Or once what was applied since is so many times as long as the latest snapshot. Default 4: a guess. */
  snapshotFactor: number
  /** And at least so many bytes. Default 4 MiB: a guess. */
  snapshotBytes: number
  /** Entries before a snapshot that are kept in memory for followers that are a little behind. Default 5,000, as etcd has it. */
  trailingEntries: number
  /** Their bytes. Default 32 MiB: a guess. */
  trailingBytes: number
  /** Proposals that are neither committed nor refused. Default 10,000: a guess. */
  proposals: number
  /** Their bytes. Default 64 MiB, as of the outbox. */
  proposalBytes: number
  raft: Partial<RaftOptions>
}

export const DEFAULT_OPTIONS: ReplicaOptions = {
  snapshotEntries: 10_000,
  snapshotFactor: 4,
  snapshotBytes: 4 * 2 ** 20,
  trailingEntries: 5_000,
  trailingBytes: 32 * 2 ** 20,
  proposals: 10_000,
  proposalBytes: 64 * 2 ** 20,
  raft: {}
}

export type ConsensusEvent =
  /** The replica has stepped out until the node is started again: its disk, or what it holds, cannot be trusted. */
  | { kind: 'consensus-failed'; group: string; code: string; message: string }
  /** No snapshot could be taken, so the log goes on growing; it is tried again later. */
  | { kind: 'snapshot-failed'; group: string; code: string; message: string }
