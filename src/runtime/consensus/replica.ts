import { MeshError } from '../../../protocols/errors.ts'
import { isJoint, type Target } from '../../core/consensus/configuration.ts'
import type { Configuration, Message, SnapshotMeta } from '../../core/consensus/types.ts'
import { Acquaintances } from './acquaintances.ts'
import type { WaitUntilApplied } from './applied-waiters.ts'
import { CatchUp } from './catch-up.ts'
import { heirOf } from './changes.ts'
import { Engine, type EngineParts } from './engine.ts'
import { refusalOf } from './errors.ts'
import { checkMembers } from './members.ts'
import type { Committed, Followed, ReplicaStatus } from './types.ts'

export interface ReplicaParts extends EngineParts {
  /** Bytes of a command at most. */
  readonly maxCommand: number
  /** PeerIds of those who found the group, as this node was told. */
  readonly founders: readonly string[]
}

/** The machine's own default. */
const ELECTION_TICKS = 10

/** This node's part of one Raft group. */
export class Replica {
  readonly group: string
  readonly #parts: ReplicaParts
  readonly #engine: Engine
  readonly #acquaintances: Acquaintances
  #reconfiguring = false

  /** Throws `ERR_CORRUPT` where the state machine cannot be restored. */
  constructor(parts: ReplicaParts) {
    this.group = parts.group
    this.#parts = parts
    this.#engine = new Engine(parts)
    this.#acquaintances = new Acquaintances(parts.founders, (peer) => this.#engine.knows(peer), parts.self)
  }

  // ---- what is asked of it -----------------------------------------------------------------------------------------

  /**
   * Leader alone; batches all of a turn. The bytes must not change afterwards. Rejects with `ERR_NOT_LEADER` (retryable,
   * `details.leader` where known), `ERR_PROPOSAL_LOST` (retryable: it may be committed or not), `ERR_QUEUE_FULL` (too much
   * is uncommitted), `ERR_MESSAGE_TOO_LARGE`; `ERR_STORAGE`, `ERR_CORRUPT` or `ERR_STOPPED` where the replica has ended.
   */
  propose(command: Uint8Array): Promise<Committed> {
    if (this.#engine.ended !== undefined) return Promise.reject(this.#engine.ended)
    if (this.#engine.role !== 'leader') return Promise.reject(this.#engine.notLeader())
    const { maxCommand } = this.#parts
    if (command.byteLength > maxCommand) {
      const text = `a command of ${command.byteLength} bytes, of ${maxCommand} at most`
      return Promise.reject(new MeshError('ERR_MESSAGE_TOO_LARGE', text))
    }
    const committed = this.#engine.proposals.add(command)
    this.#engine.gather()
    return committed
  }

  /**
   * Leader alone: an index such that whoever has applied it reads all that was committed before the call. All calls of a
   * turn are one. `ERR_NOT_LEADER`, also where leadership ends before a quorum has confirmed it: ask again.
   */
  readIndex(): Promise<number> {
    if (this.#engine.ended !== undefined) return Promise.reject(this.#engine.ended)
    if (this.#engine.role !== 'leader') return Promise.reject(this.#engine.notLeader())
    const index = this.#engine.reads.add()
    this.#engine.gather()
    return index
  }

  /** Resolves once `index` is applied here. `ERR_TIMEOUT`, `ERR_ABORTED`. */
  reached(index: number, wait: WaitUntilApplied = {}): Promise<void> {
    if (this.#engine.ended !== undefined) return Promise.reject(this.#engine.ended)
    return index <= this.#engine.applier.index ? Promise.resolve() : this.#engine.applier.waiters.wait(index, wait)
  }

  /** Of what is applied here. */
  query(part: string, question: unknown): unknown {
    this.#engine.checkAlive()
    return this.#parts.state.query(part, question)
  }

  /**
   * Leader alone. Resolves when the change, joint in between, has ended. New voters learn until they have the log. `ERR_NOT_LEADER`;
   * `ERR_CONFLICT` while another change is under way (retryable); `ERR_CONFIG`; `ERR_PEER_UNREACHABLE` where a new voter, or too many
   * of the others, do not answer, `ERR_TIMEOUT` where one does not keep up: then the voters are as before; `ERR_PROPOSAL_LOST` where
   * leadership ends before.
   */
  async reconfigure(target: Target): Promise<void> {
    this.#engine.checkAlive()
    checkMembers(target)
    if (this.#reconfiguring) throw refusalOf('changing', this.group, this.#engine.leader)
    this.#reconfiguring = true
    try {
      const { role, configuration } = this.#engine.status
      const mayBegin = role === 'leader' && !isJoint(configuration)
      if (mayBegin && !sameVoters(configuration, target)) await this.#prepare(configuration, target)
      await this.#reconfigure(target)
    } finally {
      this.#reconfiguring = false
    }
  }

  #reconfigure(target: Target): Promise<void> {
    this.#engine.ask({ kind: 'reconfigure', target })
    return this.#engine.changes.reconfigure(target)
  }

  /** Who is to vote has the log before its vote counts (thesis 4.2.1). */
  async #prepare({ voters, learners }: Configuration, target: Target): Promise<void> {
    const strangers = target.voters.filter((peer) => !voters.includes(peer) && !learners.includes(peer))
    const learning = { voters, learners: [...learners, ...strangers] }
    checkMembers(learning)
    if (strangers.length > 0) await this.#reconfigure(learning)
    const { status, changes } = this.#engine
    const patience = this.#parts.options.raft.electionTicks ?? ELECTION_TICKS
    try {
      await changes.caughtUp(new CatchUp(this.group, status, target.voters, patience), status)
    } catch (error) {
      // As before, where this node still leads.
      if (strangers.length > 0) await this.#reconfigure({ voters, learners }).catch(() => {})
      throw error
    }
  }

  /**
   * Leader alone: hands leadership to that voter, or to the one that has most of the log. Resolves once this node leads no
   * more. `ERR_NOT_LEADER`; `ERR_CONFIG` where it is no other voter; `ERR_TIMEOUT` after an election's time.
   */
  async transfer(to?: string | undefined): Promise<void> {
    this.#engine.checkAlive()
    const heir = to ?? heirOf(this.#engine.status)
    if (heir === undefined)
      throw refusalOf(this.#engine.role === 'leader' ? 'invalid' : 'not-leader', this.group, this.#engine.leader)
    this.#engine.ask({ kind: 'transfer', to: heir })
    return this.#engine.changes.transfer((this.#parts.options.raft.electionTicks ?? ELECTION_TICKS) + 1)
  }

  /** Takes one of what is applied, and compacts the log. `ERR_STORAGE`, `ERR_LIMIT` where it is too large. */
  snapshot(): Promise<SnapshotMeta> {
    return this.#engine.snapshots.take()
  }

  status(): ReplicaStatus {
    const { applied } = this
    const status = { ...this.#engine.status, applied }
    if (this.#engine.ended !== undefined) return { ...status, role: 'follower', leader: undefined, followers: [] }
    const learns = status.role === 'follower' && status.configuration.learners.includes(status.id)
    return { ...status, role: learns ? 'learner' : status.role }
  }

  /** Index of the last entry that `query` sees. */
  get applied(): number {
    return this.#engine.applier.index
  }

  /** Why it takes no part any more: `ERR_STOPPED`, or what it failed with. */
  get ended(): MeshError | undefined {
    return this.#engine.ended
  }

  /**
   * Calls back with what is applied from `from` on, in order and none left out, in batches, one a turn; first with a
   * snapshot where it is not known any more what was applied then. Returns how to end it, which may be called at any time.
   */
  follow(from: number, onEntries: (followed: Followed) => void): () => void {
    return this.#engine.applier.followers.add(from, onEntries)
  }

  /**
   * Calls back in a later turn when the role, the leader or the configuration has changed, or the replica has ended.
   * Returns how to end it.
   */
  onChange(listener: () => void): () => void {
    this.#engine.listeners.add(listener)
    return () => this.#engine.listeners.delete(listener)
  }

  // ---- what happens to it ------------------------------------------------------------------------------------------

  /** A stranger's message is as good as lost. */
  receive(message: Message): void {
    if (this.#acquaintances.has(message.from)) this.#engine.input({ kind: 'receive', message })
  }

  /** Somebody who should know says that these are the members. */
  vouchFor(peers: readonly string[]): void {
    this.#acquaintances.vouchFor(peers)
  }

  /** Calls back when a stranger speaks as a member would. Returns how to end it. */
  onStranger(listener: () => void): () => void {
    return this.#acquaintances.onStranger(listener)
  }

  /** So much time has passed. */
  tick(): void {
    this.#engine.tick()
  }

  /** A link to the peer has closed, or takes no more: something sent to it is lost. */
  unreachable(peer: string): void {
    this.#engine.input({ kind: 'unreachable', peer })
  }

  stop(): void {
    this.#engine.end(new MeshError('ERR_STOPPED', `the replica of ${this.group} is stopped`))
  }
}

function sameVoters({ voters }: Configuration, target: Target): boolean {
  return voters.length === target.voters.length && voters.every((peer) => target.voters.includes(peer))
}
