import type { Machine, Random, Sink } from '../machine.ts'
import { advanceCommit } from './commit.ts'
import { begin, isJoint, type Target } from './configuration.ts'
import {
  campaign,
  countOwnVote,
  onVote,
  onVoteReply,
  stand,
  standsByLeader,
  suspectLeader,
  tickFollower
} from './election.ts'
import { onHeartbeat } from './heartbeat.ts'
import { onAppendReply, onHeartbeatReply, tickLeader } from './leading.ts'
import type { RaftOptions } from './options.ts'
import { knowsCommit, readIndex } from './read-index.ts'
import { Outlet, type Ready } from './ready.ts'
import { append, broadcast, onAppend } from './replication.ts'
import { onSnapshot, onSnapshotReply, onSnapshotStatus } from './snapshot.ts'
import { type Start, State } from './state.ts'
import { transferTo } from './transfer.ts'
import type { EntryContent, HardState, Message, Role, Snapshot, SnapshotMeta } from './types.ts'

export type RaftInput =
  /** So much time has passed. Never more of them than really has: promises to leaders are counted in ticks. */
  | { kind: 'tick' }
  | { kind: 'receive'; message: Message }
  | { kind: 'propose'; data: readonly Uint8Array[] }
  | { kind: 'reconfigure'; target: Target }
  | { kind: 'read'; context: number }
  | { kind: 'transfer'; to: string }
  /** Something sent to that peer is lost for sure. */
  | { kind: 'unreachable'; peer: string }
  | { kind: 'snapshot-status'; peer: string; ok: boolean }
  /** The snapshot is on disk; entries up to `index`, which is not above it, are not needed any more. */
  | { kind: 'compact'; index: number; snapshot: Snapshot }
  /** The write of that number and all before it are on disk. */
  | { kind: 'persisted'; number: number }
  | { kind: 'applied'; index: number }
  | { kind: 'campaign' }

export type Refusal = 'not-leader' | 'transferring' | 'changing' | 'invalid'

export type RaftEffect =
  /** The first of what was proposed stands at `index`. It is committed once an entry of that index and term is. */
  | { kind: 'accepted'; index: number; term: number }
  /** `leader`, where known, is who to ask. */
  | { kind: 'refused'; reason: Refusal; leader: string | undefined }

/**
 * One node of one Raft group (Ongaro's thesis, 2014), without disk, network and clock.
 *
 * What its driver owes it. After one input or several it calls `take` until that gives nothing, and
 * 1. sends `atOnce` whenever it likes: a leader's appends need not wait for its own disk (thesis 10.2.1); and `commits`, later
 *    or never where the same follower was sent another append since;
 * 2. makes each `write` whole, in the order of the numbers: the snapshot voids the log on disk, the first entry voids
 *    whatever stands at or after its index; then it hands in `persisted`. Only from then on the node counts itself, its
 *    vote too. The number stands for index and term, since those do not tell two writes of the same entry apart;
 * 3. sends `afterPersist` once that write and all before it are on disk, also where its batch has no write;
 * 4. restores the state machine from a snapshot once it is on disk, and applies what is committed, in the order of the
 *    batches, and hands in `applied`: the next ones to apply come only then;
 * 5. serves a read of `reads` once its index is applied, and asks the leader again for those abandoned.
 * A write that fails ends the node: it must not go on as though it had not been asked for one. Proposals and reads are
 * taken by the leader alone; whoever is refused forwards them. Messages may be lost, doubled and overtake each other.
 *
 * A snapshot is the driver's to make: it takes the state machine as of an index that is applied, adds `describe(index)`,
 * writes both to disk, and hands in `compact`. Its data must not change afterwards.
 *
 * @example
 * const raft = new Raft({ id, hardState, snapshot, entries }, {}, random)
 * raft.handle({ kind: 'propose', data: [bytes] }, now, effects)
 * for (let ready = raft.take(); ready !== undefined; ready = raft.take()) carryOut(ready)
 */
export class Raft implements Machine<RaftInput, RaftEffect> {
  readonly #state: State
  readonly #outlet: Outlet

  constructor(start: Start, options: Partial<RaftOptions>, random: Random) {
    this.#state = new State(start, options, random)
    this.#outlet = new Outlet(this.#state)
  }

  handle(input: RaftInput, now: number, sink: Sink<RaftEffect>): void {
    const state = this.#state
    state.now = now
    switch (input.kind) {
      case 'tick':
        state.sinceLeader++
        if (state.role === 'leader') tickLeader(state)
        else tickFollower(state)
        break
      case 'receive':
        this.#receive(input.message)
        break
      case 'propose':
        this.#propose(
          input.data.map((data) => ({ kind: 'command', data })),
          sink
        )
        break
      case 'reconfigure':
        this.#reconfigure(input.target, sink)
        break
      case 'read':
        if (state.role === 'leader') readIndex(state, input.context)
        else this.#refuse('not-leader', sink)
        break
      case 'transfer':
        if (state.role !== 'leader') this.#refuse('not-leader', sink)
        else if (!transferTo(state, input.to)) this.#refuse('invalid', sink)
        break
      case 'unreachable':
        this.#unreachable(input.peer)
        break
      case 'snapshot-status':
        onSnapshotStatus(state, input.peer, input.ok)
        break
      case 'compact':
        this.#compact(input.index, input.snapshot)
        break
      case 'persisted':
        state.log.writes.persisted(input.number)
        countOwnVote(state)
        if (state.role === 'leader') advanceCommit(state)
        break
      case 'applied':
        state.applied = Math.max(state.applied, input.index)
        break
      case 'campaign':
        campaign(state)
        break
    }
  }

  /** What is to be done, once; undefined where that is nothing. */
  take(): Ready | undefined {
    return this.#outlet.take(this.#state)
  }

  /**
   * What a snapshot of the state machine as of `index` is to say of itself. Undefined where the log does not have that
   * entry: it is compacted, or a leader's snapshot, perhaps not yet on disk, has taken its place. Not above what is applied.
   */
  describe(index: number): SnapshotMeta | undefined {
    const { log, applied } = this.#state
    if (index > applied) throw new RangeError(`entry ${index} of ${applied} that are applied`)
    const term = log.term(index)
    return term === undefined ? undefined : { index, term, configuration: log.configurations.at(index) }
  }

  /** Whether the peer is a member of a configuration that may count. */
  knows(peer: string): boolean {
    const { log, commit } = this.#state
    return log.configurations.knows(peer, commit)
  }

  status(): Status {
    const { id, role, leader, term, vote, commit, applied, log, configuration, progress } = this.#state
    const followers = [...progress].map(([peer, { state, match, received }]) => ({ peer, state, match, received }))
    return { id, role, leader, term, vote, commit, applied, last: log.last, configuration, followers }
  }

  #receive(message: Message): void {
    const state = this.#state
    if (message.term > state.term) {
      if (message.kind === 'vote' && standsByLeader(state, message)) return
      if (message.kind === 'vote' && message.force) state.sinceLeader = state.options.electionTicks
      // A pre-vote, asked for or granted, is about a term that nobody has begun (thesis 9.6).
      const asks =
        message.kind === 'vote' ? message.pre : message.kind === 'vote-reply' && message.pre && message.granted
      if (!asks) state.becomeFollower(message.term, undefined)
    } else if (message.term < state.term) {
      answerStale(state, message)
      return
    }
    this.#dispatch(message)
  }

  #dispatch(message: Message): void {
    const state = this.#state
    switch (message.kind) {
      case 'append':
      case 'heartbeat':
      case 'snapshot':
        // Of one term there is one leader (thesis 3.4).
        if (state.role !== 'follower') state.becomeFollower(state.term, message.from)
        state.heardLeader(message.from)
        if (message.kind === 'append') onAppend(state, message)
        else if (message.kind === 'heartbeat') onHeartbeat(state, message)
        else onSnapshot(state, message)
        break
      case 'append-reply':
        if (state.role === 'leader') onAppendReply(state, message)
        break
      case 'heartbeat-reply':
        if (state.role === 'leader') onHeartbeatReply(state, message)
        break
      case 'snapshot-reply':
        if (state.role === 'leader') onSnapshotReply(state, message)
        break
      case 'vote':
        onVote(state, message)
        break
      case 'vote-reply':
        onVoteReply(state, message)
        break
      case 'timeout-now':
        stand(state, true)
        break
    }
  }

  #propose(contents: readonly EntryContent[], sink: Sink<RaftEffect>): void {
    const state = this.#state
    if (state.role !== 'leader') this.#refuse('not-leader', sink)
    else if (contents.length === 0) this.#refuse('invalid', sink)
    else if (state.transfer !== undefined) this.#refuse('transferring', sink)
    else {
      sink.push({ kind: 'accepted', index: state.log.last + 1, term: state.term })
      append(state, contents)
      broadcast(state)
    }
  }

  /** One change at a time, and none before the leader's term has anything committed (thesis 4.1). */
  #reconfigure(target: Target, sink: Sink<RaftEffect>): void {
    const state = this.#state
    const { configurations } = state.log
    const configuration = begin(configurations.current, target)
    if (configuration === undefined) this.#refuse('invalid', sink)
    else if (state.role === 'leader' && (configurations.index > state.commit || isJoint(configurations.current)))
      this.#refuse('changing', sink)
    else if (state.role === 'leader' && !knowsCommit(state)) this.#refuse('changing', sink)
    else this.#propose([{ kind: 'configuration', configuration }], sink)
  }

  #refuse(reason: Refusal, sink: Sink<RaftEffect>): void {
    sink.push({ kind: 'refused', reason, leader: this.#state.leader })
  }

  #unreachable(peer: string): void {
    const state = this.#state
    if (state.role === 'follower' && state.leader === peer) suspectLeader(state)
    const progress = state.progress.get(peer)
    if (progress?.state === 'replicate') progress.toProbe()
  }

  #compact(index: number, snapshot: Snapshot): void {
    const { log, applied } = this.#state
    if (index > snapshot.index || snapshot.index > applied)
      throw new RangeError(`compaction up to ${index} of ${applied}`)
    // One that a leader sent meanwhile may stand for more.
    if (snapshot.index > log.snapshot.index) log.compact(index, snapshot)
  }
}

export interface Status extends Pick<HardState, 'term' | 'vote' | 'commit'> {
  readonly id: string
  readonly role: Role
  readonly leader: string | undefined
  readonly applied: number
  readonly last: number
  readonly configuration: Snapshot['configuration']
  /** A leader's. */
  readonly followers: readonly {
    peer: string
    state: string
    match: number
    /** Bytes that it has of the snapshot that it is sent. */
    received: number
  }[]
}

/** A leader that was replaced learns it; else a node ahead of everybody's term could never follow again (thesis 6.2). */
function answerStale(state: State, message: Message): void {
  const { kind, from } = message
  if (kind === 'append' || kind === 'heartbeat' || kind === 'snapshot') {
    state.send(from, { kind: 'append-reply', index: 0, rejected: { index: 0, term: 0 } })
  } else if (kind === 'vote' && message.pre) {
    state.send(from, { kind: 'vote-reply', pre: true, granted: false })
  }
}
