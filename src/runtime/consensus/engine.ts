import type { MeshError } from '../../../protocols/errors.ts'
import { Raft, type RaftEffect, type RaftInput, type Status } from '../../core/consensus/raft.ts'
import type { Ready } from '../../core/consensus/ready.ts'
import type { Entry, Message, Role, Snapshot } from '../../core/consensus/types.ts'
import type { Random, Sink } from '../../core/machine.ts'
import { attemptAll } from '../attempt-all.ts'
import type { Clock } from '../ports.ts'
import { Applier } from './applier.ts'
import { Changes } from './changes.ts'
import { CommitNotices } from './commit-notices.ts'
import { failureOf, refusalOf } from './errors.ts'
import type { Loaded } from './load.ts'
import { Persistence } from './persistence.ts'
import { lostError, Proposals } from './proposals.ts'
import { ReadRequests } from './reads.ts'
import { Snapshots } from './snapshots.ts'
import type { ConsensusEvent, ReplicaOptions, Replicated } from './types.ts'

export interface EngineParts {
  readonly group: string
  readonly self: string
  readonly clock: Clock
  readonly random: Random
  readonly loaded: Loaded
  readonly state: Replicated
  readonly options: ReplicaOptions
  send(message: Message): void
  report(event: ConsensusEvent): void
}

/** Ticks between two looks at whether the disk's last record has a witness. A guess: a second. */
const WITNESS_TICKS = 10

const IGNORE: Sink<RaftEffect> = { push() {} }

/** The driver of `Raft`, whose docstring says what a driver owes it: what goes in, and what becomes of what comes out. */
export class Engine {
  readonly group: string
  readonly proposals: Proposals
  readonly reads = new ReadRequests()
  readonly applier: Applier
  readonly snapshots: Snapshots
  readonly changes = new Changes()
  readonly listeners = new Set<() => void>()
  /** As was last told; `leader` is who leads, where known. */
  role: Role = 'follower'
  leader: string | undefined
  /** Why it takes no part any more. */
  ended: MeshError | undefined
  readonly #parts: EngineParts
  readonly #raft: Raft
  readonly #persistence: Persistence
  readonly #notices: CommitNotices
  #carrying = false
  #gathering = false
  #changed = false
  #ticks = 0

  /** Throws `ERR_CORRUPT` where the state machine cannot be restored. */
  constructor(parts: EngineParts) {
    const { group, self, clock, random, loaded, state, options } = parts
    const { snapshot, hardState, entries, store } = loaded
    this.group = group
    this.#parts = parts
    if (snapshot.index > 0) state.restore(snapshot.data)
    this.#raft = new Raft({ id: self, hardState, snapshot, entries }, options.raft, random)
    this.proposals = new Proposals(options.proposals, options.proposalBytes)
    const latest = (): Snapshot => this.snapshots.latest
    this.applier = new Applier({ clock, state, proposals: this.proposals, index: snapshot.index, latest })
    this.#notices = new CommitNotices(clock, parts.send)
    this.#persistence = new Persistence({
      store,
      send: parts.send,
      installed: (installed) => this.#installed(installed),
      persisted: (number) => this.input({ kind: 'persisted', number }),
      failed: (error) => this.#fail(error)
    })
    this.snapshots = new Snapshots({
      ...{ clock, store, state, options, snapshot, history: this.applier.history },
      describe: (index) => {
        // It may not have been told yet.
        this.#tellApplied()
        return this.#raft.describe(index)
      },
      compact: (index, taken) => this.input({ kind: 'compact', index, snapshot: taken }),
      checkAlive: () => this.checkAlive(),
      failed: (error) => this.#fail(error),
      refused: (error) => {
        const { code, message } = failureOf(error, group)
        if (this.ended === undefined) parts.report({ kind: 'snapshot-failed', group, code, message })
      }
    })
    this.#carryOutSoon()
  }

  /** So much time has passed. */
  tick(): void {
    this.input({ kind: 'tick' })
    this.changes.tick(() => this.status)
    if (this.ended === undefined && ++this.#ticks % WITNESS_TICKS === 0) this.#parts.loaded.store.bearWitness()
  }

  /** Whether the peer is a member, as far as this log tells. */
  knows(peer: string): boolean {
    return this.#raft.knows(peer)
  }

  get status(): Status {
    return this.#raft.status()
  }

  input(input: RaftInput, sink = IGNORE): void {
    if (this.ended !== undefined) return
    try {
      this.#raft.handle(input, this.#parts.clock.monotonic(), sink)
    } catch (error) {
      // One of its promises would be broken: whatever the reason, what it holds cannot be trusted.
      this.#fail(error)
    }
    this.#carryOutSoon()
  }

  /** Throws what it was refused with. */
  ask(input: RaftInput): void {
    const effects: RaftEffect[] = []
    this.input(input, effects)
    this.checkAlive()
    for (const effect of effects)
      if (effect.kind === 'refused') throw refusalOf(effect.reason, this.group, effect.leader)
  }

  checkAlive(): void {
    if (this.ended !== undefined) throw this.ended
  }

  /** Proposals and reads of the turn, once all of it has run: one batch, be they many. */
  gather(): void {
    if (this.#gathering) return
    this.#gathering = true
    this.#parts.clock.endOfTurn(() => {
      this.#gathering = false
      if (this.ended === undefined) this.#handIn()
    })
  }

  #handIn(): void {
    this.#askReads()
    const effects: RaftEffect[] = []
    const data = this.proposals.gathered
    if (data.length > 0) this.input({ kind: 'propose', data }, effects)
    for (const effect of effects) {
      if (effect.kind === 'accepted') this.proposals.accepted(effect.index, effect.term)
      else this.proposals.refused(refusalOf(effect.reason, this.group, effect.leader))
    }
  }

  /** Those that came while the machine had others wait for its answer. */
  #askReads(): void {
    const context = this.reads.ask()
    if (context === undefined) return
    const effects: RaftEffect[] = []
    this.input({ kind: 'read', context }, effects)
    for (const effect of effects)
      if (effect.kind === 'refused') this.reads.refused(context, refusalOf(effect.reason, this.group, effect.leader))
  }

  /** Once what came together is handed in: all messages of a chunk make one write. */
  #carryOutSoon(): void {
    if (this.#carrying) return
    this.#carrying = true
    queueMicrotask(() => this.#carryOut())
  }

  #carryOut(): void {
    try {
      while (this.ended === undefined) {
        const ready = this.#raft.take()
        if (ready === undefined) break
        this.#carry(ready)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#carrying = false
    if (this.ended === undefined) this.changes.look(() => this.status)
    if (this.#changed) this.#tellChange()
  }

  #carry({ write, atOnce, commits, afterPersist, committed, reads, abandonedReads, soft }: Ready): void {
    // The disk begins first: it works by itself while what need not wait for it is sent (thesis 10.2.1).
    if (write !== undefined && (this.changes.written(write.entries) || write.snapshot !== undefined))
      this.#changed = true
    if (write !== undefined || afterPersist.length > 0) this.#persistence.add(write, afterPersist)
    for (const message of atOnce) {
      if (message.kind === 'append') this.#notices.outdate(message.to)
      this.#parts.send(message)
    }
    if (commits.length > 0) this.#notices.add(commits)
    if (committed.length > 0) this.#apply(committed)
    for (const read of reads) this.reads.confirmed(read)
    // No leader will confirm them in this term: who asked asks the next one.
    for (const context of abandonedReads) this.reads.refused(context, this.notLeader())
    if (reads.length + abandonedReads.length > 0) this.#askReads()
    if (soft !== undefined) this.#softChange(soft)
  }

  #softChange({ role, leader }: { role: Role; leader: string | undefined }): void {
    const led = this.role === 'leader'
    this.role = role
    this.leader = leader
    this.#changed = true
    if (!led || role === 'leader') return
    this.#notices.flush()
    this.proposals.lost(lostError())
    this.changes.stepsDown()
  }

  // ---- applying ----------------------------------------------------------------------------------------------------

  /**
   * The machine is told only once it is applied, at the end of the turn, and gives the next batch only then: others have
   * their turn in between.
   */
  #apply(entries: readonly Entry[]): void {
    this.applier.apply(entries)
    this.#parts.clock.endOfTurn(() => {
      this.#tellApplied()
      if (this.ended === undefined) this.snapshots.consider()
    })
  }

  #tellApplied(): void {
    this.input({ kind: 'applied', index: this.applier.index })
  }

  /** It is on disk: only now may the state machine have it. */
  #installed(snapshot: Snapshot): void {
    try {
      this.applier.restore(snapshot)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.snapshots.installed(snapshot)
    this.applier.restored()
    this.#tellApplied()
  }

  // ---- ending ------------------------------------------------------------------------------------------------------

  /** It must not go on as though nothing had happened: it steps out, and the others go on without it. */
  #fail(cause: unknown): void {
    if (this.ended !== undefined) return
    const { group, report } = this.#parts
    const error = failureOf(cause, group)
    this.end(error)
    report({ kind: 'consensus-failed', group, code: error.code, message: error.message })
  }

  end(error: MeshError): void {
    if (this.ended !== undefined) return
    this.ended = error
    this.#persistence.stop()
    this.#notices.stop()
    this.proposals.refused(error)
    this.proposals.lost(error)
    this.reads.stop(error)
    this.applier.stop(error)
    this.changes.stop(error)
    this.#tellChange()
  }

  #tellChange(): void {
    this.#changed = false
    this.#parts.clock.endOfTurn(() => attemptAll([...this.listeners], (listener) => listener()))
  }

  notLeader(): MeshError {
    return refusalOf('not-leader', this.group, this.leader)
  }
}
