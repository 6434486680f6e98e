import type { ReadState } from './reads.ts'
import type { State } from './state.ts'
import type { Entry, HardState, Message, Role, Snapshot } from './types.ts'

/** One write, all of it or nothing. Writes are made in the order of their numbers, and told as `persisted`. */
export interface Write {
  readonly number: number
  /** False where only `commit` has changed: it need not be synced before what depends on it leaves. */
  readonly sync: boolean
  readonly hardState: HardState | undefined
  /** Takes the place of the whole log on disk; `entries` follow it. */
  readonly snapshot: Snapshot | undefined
  /** Whatever the disk has from the first of them on is void. */
  readonly entries: readonly Entry[]
}

export interface Ready {
  readonly write: Write | undefined
  readonly atOnce: readonly Message[]
  /**
   * Appends that only tell a follower what is committed: nobody is waiting for it as whoever proposed it waits for the
   * answer. May leave later; need not leave where another append to the same follower has left since.
   */
  readonly commits: readonly Message[]
  /** May leave once `write`, and every one before it, is on disk. */
  readonly afterPersist: readonly Message[]
  /** To be applied, after the snapshot of this batch or one before it; on disk already. */
  readonly committed: readonly Entry[]
  readonly reads: readonly ReadState[]
  /** Contexts of reads that no leader will confirm: to be asked again. */
  readonly abandonedReads: readonly number[]
  /** Only where it has changed. */
  readonly soft: { readonly role: Role; readonly leader: string | undefined } | undefined
}

/** Where what a node decided leaves it, each piece once. */
export class Outlet {
  #hard: HardState
  #role: Role
  #leader: string | undefined

  constructor({ term, vote, commit, role, leader }: State) {
    this.#hard = { term, vote, commit }
    this.#role = role
    this.#leader = leader
  }

  /** Undefined where nothing is to be done. */
  take(state: State): Ready | undefined {
    const { reads } = state
    const ready: Ready = {
      write: this.#write(state),
      atOnce: state.atOnce,
      commits: state.commits,
      afterPersist: state.afterPersist,
      committed: committed(state),
      reads: reads.confirmed,
      abandonedReads: reads.abandoned,
      soft: this.#soft(state)
    }
    reads.sealRound()
    const { atOnce, commits, afterPersist, write, soft } = ready
    if (write === undefined && soft === undefined && atOnce.length + commits.length + afterPersist.length === 0) {
      if (ready.committed.length === 0 && ready.reads.length === 0 && ready.abandonedReads.length === 0)
        return undefined
    }
    state.atOnce = []
    state.afterPersist = []
    state.commits = []
    reads.confirmed = []
    reads.abandoned = []
    return ready
  }

  #write(state: State): Write | undefined {
    const { term, vote, commit, log, installed: snapshot } = state
    const before = this.#hard
    const entries = log.unwritten()
    const promised = term !== before.term || vote !== before.vote
    const hardState = promised || commit !== before.commit ? { term, vote, commit } : undefined
    if (hardState === undefined && snapshot === undefined && entries.length === 0) return undefined
    this.#hard = hardState ?? before
    state.installed = undefined
    const sync = promised || snapshot !== undefined || entries.length > 0
    return { number: log.writes.give(log.last, term), sync, hardState, snapshot, entries }
  }

  #soft({ role, leader }: State): Ready['soft'] {
    if (role === this.#role && leader === this.#leader) return undefined
    this.#role = role
    this.#leader = leader
    return { role, leader }
  }
}

/** As much as a batch holds, once the one before is applied. Never what the own disk does not have: after a crash it would be applied twice or differ. */
function committed(state: State): Entry[] {
  const { log, commit, handedOut, applied, options } = state
  if (applied < handedOut) return []
  const entries = log.slice(handedOut + 1, Math.min(commit, log.writes.stable), options.maxAppendBytes)
  state.handedOut += entries.length
  return entries
}
