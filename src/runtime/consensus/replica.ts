import { MeshError } from '../../../protocols/errors.ts'
import { isJoint, type Target } from '../../core/consensus/configuration.ts'
import { sizeOf } from '../../core/consensus/log.ts'
import { Raft, type RaftEffect, type RaftInput, type Status } from '../../core/consensus/raft.ts'
import type { Ready } from '../../core/consensus/ready.ts'
import type { Entry, Message, Role, Snapshot, SnapshotMeta } from '../../core/consensus/types.ts'
import type { Random } from '../../core/machine.ts'
import { attemptAll } from '../attempt-all.ts'
import type { Clock } from '../ports.ts'
import { AppliedWaiters, type WaitUntilApplied } from './applied-waiters.ts'
import { refusalOf } from './errors.ts'
import { Followers } from './followers.ts'
import { History } from './history.ts'
import type { Loaded } from './load.ts'
import { checkMembers } from './members.ts'
import { Persistence } from './persistence.ts'
import { lostError, Proposals } from './proposals.ts'
import { ReadRequests } from './reads.ts'
import { Snapshots } from './snapshots.ts'
import type {
  Applied,
  Committed,
  ConsensusEvent,
  Followed,
  ReplicaOptions,
  ReplicaStatus,
  Replicated
} from './types.ts'

export interface ReplicaParts {
  readonly group: string
  readonly self: string
  readonly clock: Clock
  readonly random: Random
  readonly loaded: Loaded
  readonly state: Replicated
  readonly options: ReplicaOptions
  /** Bytes of a command at most. */
  readonly maxCommand: number
  send(message: Message): void
  report(event: ConsensusEvent): void
}

interface Pending extends PromiseWithResolvers<void> {
  readonly target: Target
}

/** This node's part of one Raft group: the driver of `Raft`, whose docstring says what a driver owes it. */
export class Replica {
  readonly group: string
  readonly #parts: ReplicaParts
  readonly #raft: Raft
  readonly #persistence: Persistence
  readonly #proposals: Proposals
  readonly #reads = new ReadRequests()
  readonly #waiters: AppliedWaiters
  readonly #history: History
  readonly #followers: Followers
  readonly #snapshots: Snapshots
  readonly #listeners = new Set<() => void>()
  #role: Role = 'follower'
  #leader: string | undefined
  /** What the state machine has. */
  #applied: number
  /** Where the latest configuration stands in the log. */
  #configured = 0
  #change: Pending | undefined
  #transfer: (PromiseWithResolvers<void> & { ticks: number }) | undefined
  #carrying = false
  #gathering = false
  #changed = false
  #ended: MeshError | undefined

  /** Throws `ERR_CORRUPT` where the state machine cannot be restored. */
  constructor(parts: ReplicaParts) {
    const { group, self, clock, random, loaded, state, options } = parts
    const { snapshot, hardState, entries, store } = loaded
    this.group = group
    this.#parts = parts
    if (snapshot.index > 0) state.restore(snapshot.data)
    this.#raft = new Raft({ id: self, hardState, snapshot, entries }, options.raft, random)
    this.#applied = snapshot.index
    this.#history = new History(snapshot.index + 1)
    this.#proposals = new Proposals(options.proposals, options.proposalBytes)
    this.#waiters = new AppliedWaiters(clock)
    this.#persistence = new Persistence({
      store,
      send: parts.send,
      installed: (installed) => this.#installed(installed),
      persisted: (number) => this.#input({ kind: 'persisted', number }),
      failed: (error) => this.#fail(error)
    })
    this.#snapshots = new Snapshots({
      ...{ store, state, options, snapshot, history: this.#history },
      describe: (index) => {
        // It may not have been told yet.
        this.#input({ kind: 'applied', index: this.#applied })
        return this.#raft.describe(index)
      },
      compact: (index, taken) => this.#input({ kind: 'compact', index, snapshot: taken }),
      checkAlive: () => {
        if (this.#ended !== undefined) throw this.#ended
      },
      failed: (error) => this.#fail(error),
      refused: (error) => {
        const { code, message } = wrapped(error, group)
        if (this.#ended === undefined) parts.report({ kind: 'snapshot-failed', group, code, message })
      }
    })
    this.#followers = new Followers({ clock, history: this.#history, snapshot: () => this.#snapshots.latest })
    this.#carryOutSoon()
  }

  // ---- what is asked of it -----------------------------------------------------------------------------------------

  /**
   * Leader alone; batches all of a turn. The bytes must not change afterwards. Rejects with `ERR_NOT_LEADER` (retryable,
   * `details.leader` where known), `ERR_PROPOSAL_LOST` (retryable: it may be committed or not), `ERR_QUEUE_FULL` (too much is uncommitted),
   * `ERR_MESSAGE_TOO_LARGE`, `ERR_STORAGE` and `ERR_STOPPED` where the replica has ended.
   */
  propose(command: Uint8Array): Promise<Committed> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    if (this.#role !== 'leader') return Promise.reject(this.#notLeader())
    const { maxCommand } = this.#parts
    if (command.byteLength > maxCommand) {
      const text = `a command of ${command.byteLength} bytes, of ${maxCommand} at most`
      return Promise.reject(new MeshError('ERR_MESSAGE_TOO_LARGE', text))
    }
    const committed = this.#proposals.add(command)
    this.#gather()
    return committed
  }

  /**
   * Leader alone: an index such that whoever has applied it reads all that was committed before the call. All calls of a
   * turn are one. `ERR_NOT_LEADER`, also where leadership ends before a quorum has confirmed it: ask again.
   */
  readIndex(): Promise<number> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    if (this.#role !== 'leader') return Promise.reject(this.#notLeader())
    const { index } = this.#reads.add()
    this.#gather()
    return index
  }

  /** Resolves once `index` is applied here. `ERR_TIMEOUT`, `ERR_ABORTED`. */
  reached(index: number, wait: WaitUntilApplied = {}): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return index <= this.#applied ? Promise.resolve() : this.#waiters.wait(index, wait)
  }

  /** Of what is applied here. */
  query(part: string, question: unknown): unknown {
    if (this.#ended !== undefined) throw this.#ended
    return this.#parts.state.query(part, question)
  }

  /**
   * Leader alone. Resolves when the change, joint in between, has ended. `ERR_NOT_LEADER`; `ERR_CONFLICT` while another
   * change is under way (retryable); `ERR_CONFIG`; `ERR_PROPOSAL_LOST` where leadership ends before.
   */
  async reconfigure(target: Target): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended
    checkMembers(target)
    if (this.#change !== undefined) throw refusalOf('changing', this.group, this.#leader)
    for (const effect of this.#input({ kind: 'reconfigure', target }))
      if (effect.kind === 'refused') throw refusalOf(effect.reason, this.group, effect.leader)
    this.#change = { ...Promise.withResolvers<void>(), target }
    return this.#change.promise
  }

  /**
   * Leader alone: hands leadership to that voter, or to the one that has most of the log. Resolves once this node leads no
   * more. `ERR_NOT_LEADER`; `ERR_CONFIG` where it is no other voter; `ERR_TIMEOUT` after an election's time.
   */
  async transfer(to?: string | undefined): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended
    const heir = to ?? heirOf(this.#raft.status())
    if (heir === undefined)
      throw refusalOf(this.#role === 'leader' ? 'invalid' : 'not-leader', this.group, this.#leader)
    for (const effect of this.#input({ kind: 'transfer', to: heir }))
      if (effect.kind === 'refused') throw refusalOf(effect.reason, this.group, effect.leader)
    const ticks = (this.#parts.options.raft.electionTicks ?? 10) + 1
    this.#transfer ??= { ...Promise.withResolvers<void>(), ticks }
    return this.#transfer.promise
  }

  /** Takes one of what is applied, and compacts the log. `ERR_STORAGE`, `ERR_LIMIT` where it is too large. */
  snapshot(): Promise<SnapshotMeta> {
    return this.#snapshots.take()
  }

  /** The last entry that `query` knows of. */
  get applied(): number {
    return this.#applied
  }

  status(): ReplicaStatus {
    // The machine is told at the end of the turn what is applied.
    const status = { ...this.#raft.status(), applied: this.#applied }
    const { configuration } = status
    if (this.#ended !== undefined) return { ...status, role: 'follower', leader: undefined, followers: [] }
    const learns = status.role === 'follower' && configuration.learners.includes(status.id)
    return { ...status, role: learns ? 'learner' : status.role }
  }

  /** Why it takes no part any more: `ERR_STOPPED`, or what it failed with. */
  get ended(): MeshError | undefined {
    return this.#ended
  }

  /**
   * Calls back with what is applied from `from` on, in order and none left out, in batches, one a turn; first with a
   * snapshot where it is not known any more what was applied then. Returns how to end it, which may be called at any time.
   */
  follow(from: number, onEntries: (followed: Followed) => void): () => void {
    return this.#followers.add(from, onEntries)
  }

  /** Calls back in a later turn when the role, the leader or the configuration has changed, or the replica has ended. Returns how to end it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  // ---- what happens to it ------------------------------------------------------------------------------------------

  receive(message: Message): void {
    this.#input({ kind: 'receive', message })
  }

  /** So much time has passed. */
  tick(): void {
    this.#input({ kind: 'tick' })
    const transfer = this.#transfer
    if (transfer === undefined || --transfer.ticks > 0) return
    this.#transfer = undefined
    transfer.reject(new MeshError('ERR_TIMEOUT', `nobody has taken over ${this.group}`))
  }

  /** A link to the peer has closed, or takes no more: something sent to it is lost. */
  unreachable(peer: string): void {
    this.#input({ kind: 'unreachable', peer })
  }

  stop(): void {
    this.#end(new MeshError('ERR_STOPPED', `the replica of ${this.group} is stopped`))
  }

  // ---- the machine -------------------------------------------------------------------------------------------------

  #input(input: RaftInput): RaftEffect[] {
    const effects: RaftEffect[] = []
    if (this.#ended !== undefined) return effects
    try {
      this.#raft.handle(input, this.#parts.clock.monotonic(), effects)
    } catch (error) {
      // One of its promises would be broken: whatever the reason, what it holds cannot be trusted.
      this.#fail(error)
    }
    this.#carryOutSoon()
    return effects
  }

  /** Proposals and reads of the turn, once all of it has run: one batch, be they many. */
  #gather(): void {
    if (this.#gathering) return
    this.#gathering = true
    this.#parts.clock.endOfTurn(() => {
      this.#gathering = false
      if (this.#ended === undefined) this.#handIn()
    })
  }

  #handIn(): void {
    const context = this.#reads.ask()
    if (context !== undefined) {
      for (const effect of this.#input({ kind: 'read', context }))
        if (effect.kind === 'refused') this.#reads.refused(context, refusalOf(effect.reason, this.group, effect.leader))
    }
    const data = this.#proposals.gathered
    if (data.length === 0) return
    for (const effect of this.#input({ kind: 'propose', data })) {
      if (effect.kind === 'accepted') this.#proposals.accepted(effect.index, effect.term)
      else this.#proposals.refused(refusalOf(effect.reason, this.group, effect.leader))
    }
  }

  /** Once what came together is handed in: all messages of a chunk make one write. */
  #carryOutSoon(): void {
    if (this.#carrying) return
    this.#carrying = true
    queueMicrotask(() => this.#carryOut())
  }

  #carryOut(): void {
    try {
      while (this.#ended === undefined) {
        const ready = this.#raft.take()
        if (ready === undefined) break
        this.#carry(ready)
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#carrying = false
    this.#lookAtChange()
    if (this.#changed) this.#tellChange()
  }

  #carry({ write, atOnce, afterPersist, committed, reads, abandonedReads, soft }: Ready): void {
    // A leader's appends need not wait for its own disk (thesis 10.2.1), nor what promises nothing.
    for (const message of atOnce) this.#parts.send(message)
    if (write !== undefined) {
      if (write.snapshot !== undefined) this.#changed = true
      for (const entry of write.entries) if (entry.kind === 'configuration') this.#configuredBy(entry)
    }
    if (write !== undefined || afterPersist.length > 0) this.#persistence.add(write, afterPersist)
    if (committed.length > 0) this.#apply(committed)
    for (const read of reads) this.#reads.confirmed(read)
    for (const context of abandonedReads) this.#reads.refused(context, this.#notLeader())
    if (soft !== undefined) this.#softChange(soft)
  }

  #configuredBy({ index }: Entry): void {
    this.#configured = index
    this.#changed = true
  }

  #softChange({ role, leader }: { role: Role; leader: string | undefined }): void {
    const led = this.#role === 'leader'
    this.#role = role
    this.#leader = leader
    this.#changed = true
    if (!led || role === 'leader') return
    this.#proposals.lost(lostError())
    this.#transfer?.resolve()
    this.#transfer = undefined
  }

  // ---- applying ----------------------------------------------------------------------------------------------------

  /** All of a batch, on disk already. The machine is told at the end of the turn: the next batch has a turn of its own. */
  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.#applied) continue
      this.#history.add(sizeOf(entry), entry.kind === 'command' ? this.#applyCommand(entry, entry.data) : undefined)
      this.#applied = entry.index
    }
    this.#proposals.settle()
    this.#advanced()
    this.#parts.clock.endOfTurn(() => {
      this.#input({ kind: 'applied', index: this.#applied })
      if (this.#ended === undefined) this.#snapshots.consider()
    })
  }

  #applyCommand({ index, term }: Entry, data: Uint8Array): Applied | undefined {
    const { state } = this.#parts
    const outcome = state.apply(data, { index, term })
    this.#proposals.applied(index, term, outcome)
    const { applied } = state
    return applied && { index, term, part: applied.part, body: applied.body, outcome }
  }

  /** It is on disk: only now may the state machine have it. */
  #installed(snapshot: Snapshot): void {
    try {
      this.#parts.state.restore(snapshot.data)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#snapshots.installed(snapshot)
    this.#applied = snapshot.index
    this.#advanced()
    this.#input({ kind: 'applied', index: snapshot.index })
  }

  #advanced(): void {
    this.#waiters.reached(this.#applied)
    this.#followers.wake()
  }

  // ---- changes -----------------------------------------------------------------------------------------------------

  #lookAtChange(): void {
    const change = this.#change
    if (change === undefined || this.#ended !== undefined) return
    const { configuration, commit, role } = this.#raft.status()
    const done = !isJoint(configuration) && isTarget(configuration, change.target) && commit >= this.#configured
    if (!done && role === 'leader') return
    this.#change = undefined
    if (done) change.resolve()
    else change.reject(lostError())
  }

  #tellChange(): void {
    this.#changed = false
    this.#parts.clock.endOfTurn(() => attemptAll([...this.#listeners], (listener) => listener()))
  }

  // ---- ending ------------------------------------------------------------------------------------------------------

  /** It must not go on as though nothing had happened: it steps out, and the others go on without it. */
  #fail(cause: unknown): void {
    if (this.#ended !== undefined) return
    const { group, report } = this.#parts
    const error = wrapped(cause, group)
    this.#end(error)
    report({ kind: 'consensus-failed', group, code: error.code, message: error.message })
  }

  #end(error: MeshError): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#persistence.stop()
    this.#proposals.refused(error)
    this.#proposals.lost(error)
    this.#reads.stop(error)
    this.#waiters.stop(error)
    this.#followers.stop()
    this.#change?.reject(error)
    this.#transfer?.reject(error)
    this.#change = this.#transfer = undefined
    this.#tellChange()
  }

  #notLeader(): MeshError {
    return refusalOf('not-leader', this.group, this.#leader)
  }
}

function wrapped(cause: unknown, group: string): MeshError {
  if (cause instanceof MeshError) return cause
  return new MeshError('ERR_CORRUPT', `the replica of ${group} failed: ${String(cause)}`, { cause })
}

function heirOf({ configuration, followers }: Status): string | undefined {
  const voters = followers.filter(({ peer }) => configuration.voters.includes(peer))
  return voters.toSorted((a, b) => b.match - a.match)[0]?.peer
}

function isTarget(now: Target, { voters, learners }: Target): boolean {
  return now.voters.join() === voters.join() && now.learners.join() === learners.join()
}
