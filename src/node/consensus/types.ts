import type { PeerId } from '@libp2p/interface'
import type { Payload } from '../../../protocols/envelope/message.ts'
import type { Agent } from '../../agent/agent.ts'
import type { WaitOptions } from '../../agent/types.ts'
import type { KeyValueMachine } from '../../core/replicated/key-value.ts'
import type { StateMachine } from '../../core/replicated/types.ts'
import type { Consistency } from '../../runtime/consensus/client/types.ts'

export interface ConsensusOptions<Machine extends StateMachine = StateMachine> {
  /**
   * PeerIds of the hosts that decide, a majority of which must live; an odd number is best. Counts at the group's first start:
   * afterwards the members are what `changeVoters` made them.
   */
  voters: readonly (PeerId | string)[]
  /** PeerIds of hosts that hold all that the group does and decide nothing. Default none. */
  learners?: readonly (PeerId | string)[] | undefined
  /** What the group holds: the same machine on every member. Default `keyValue()`. */
  machine?: Machine | undefined
}

/** Default timeout 5,000 ms (a guess: three elections). */
export interface ReadOptions extends WaitOptions {
  /**
   * - `'strong'`, the default: all that was committed before the call, whoever asked for it. Needs a majority.
   * - `'session'`: not older than what this node wrote and read before. From any replica that is as far.
   * - `'eventual'`: what some replica has, this node's own where it is a member.
   */
  consistency?: Consistency | undefined
}

export interface Proposed<Result = Payload> {
  /** Of this command alone: its session and number. */
  readonly id: string
  /** Where it stands in the log; where its answer was lost and it was sent again, perhaps where the repetition stands, which is later. */
  readonly index: number
  readonly term: number
  /** What the machine gave. */
  readonly result: Result
}

export interface LockOptions extends WaitOptions {
  /** ms after which the lock is another's if it was not renewed; renewed at a third of it. 100 to 86,400,000, default 10,000 (a guess). */
  ttl?: number | undefined
}

/** A lock that this node holds. */
export interface ConsensusLock extends AsyncDisposable {
  readonly name: string
  /** A fencing token: a later holder's is greater. What the lock protects should refuse a lower one than it has seen. */
  readonly token: number
  /** Aborts, by this node's own clock, before anybody else can have the lock, and when the node stops (`ERR_STOPPED`); not where it was released. */
  readonly lost: AbortSignal
  /** The next in line gets it. Once is enough. Rejects with `ERR_LOCK_TIMEOUT`: then it goes with its ttl. */
  release(options?: WaitOptions): Promise<void>
}

export interface Leader {
  /** Name of the agent. */
  readonly agent: string
  /** Where it lives. */
  readonly peer: string
  /** A fencing token: a later leader's is greater. */
  readonly token: number
}

/** A candidacy for as long as it is not resigned. */
export interface Election extends AsyncDisposable {
  /** Who leads, as far as this node knows; the last one known while nobody does. */
  readonly leader: Leader
  /** Whether it is this candidate; false from the moment its ttl is over, by this node's own clock. */
  readonly isLeader: boolean
  /**
   * Aborts when this candidate's leadership is lost, by this node's own clock before anybody else can have it, or given up: by
   * `resign`, with the agent or the node (`ERR_ABORTED`). A later term has another signal.
   */
  readonly lost: AbortSignal
  /** Each new leader from now on. Ends with the candidacy, the loop or `signal`. */
  changes(options?: { signal?: AbortSignal | undefined }): AsyncIterableIterator<Leader>
  /** The next candidate leads. Once is enough. */
  resign(options?: WaitOptions): Promise<void>
}

export interface WatchOptions {
  /** The index from which on: 0 for all. Default: what is applied after the call. */
  from?: number | undefined
  signal?: AbortSignal | undefined
}

/** Stands for all that came before: the log does not have it any more. */
export interface WatchSnapshot<State = Payload> {
  readonly kind: 'snapshot'
  readonly index: number
  readonly state: State
  readonly term?: undefined
  readonly key?: undefined
  readonly value?: undefined
  readonly command?: undefined
  readonly result?: undefined
}

export interface WatchedValue {
  readonly kind?: undefined
  readonly index: number
  readonly term: number
  readonly key: string
  /** Undefined: deleted. */
  readonly value: Payload
}

export interface WatchedCommand {
  readonly kind?: undefined
  readonly index: number
  readonly term: number
  readonly command: Payload
  /** What the machine gave. */
  readonly result: Payload
}

export interface ConsensusStatus {
  /** `'client'`: this node is no member, or takes no part as one any more. */
  readonly role: 'leader' | 'follower' | 'candidate' | 'learner' | 'client'
  readonly term: number
  /** PeerId, where one is known. */
  readonly leader: string | undefined
  /** Of a client: the highest index that it has seen. */
  readonly commit: number
  readonly applied: number
  readonly voters: readonly string[]
  readonly learners: readonly string[]
  /**
   * Why this node takes no part until it is started again, as `consensus-failed` has told: a write of its disk failed (`ERR_STORAGE`), or
   * what it holds cannot be trusted (`ERR_CORRUPT`). Undefined while it does, or is no member.
   */
  readonly ended: { readonly code: string; readonly message: string } | undefined
  /** A leader's: how far the others are. */
  readonly progress: readonly { readonly peer: string; readonly state: string; readonly match: number }[]
}

/**
 * A group of hosts that agree on one log (Raft). Every call that waits takes `signal` and `timeout`, 5,000 ms unless given; writes
 * and strong reads reject with `ERR_NO_QUORUM` at their timeout: nobody who leads has answered, and a write may still be made.
 */
export interface ConsensusGroup {
  readonly name: string
  /**
   * Waits its turn, first come, first served, and holds the lock, renewing it, until it is released. Rejects with `ERR_LOCK_TIMEOUT`, `ERR_ABORTED`.
   *
   * @example
   * await using lock = await config.lock('migrate', { ttl: 10_000 })
   * await migrate({ token: lock.token, signal: lock.lost })
   */
  lock(name: string, options?: LockOptions): Promise<ConsensusLock>
  /**
   * Stands as a candidate for an agent of this node; resolves once somebody leads. When the leader's host dies, or the leader's
   * agent is closed, the next candidate leads by itself.
   *
   * @example
   * await using election = await config.elect('scheduler', planner)
   * if (election.isLeader) schedule({ signal: election.lost })
   */
  elect(name: string, agent: Agent, options?: LockOptions): Promise<Election>
  /**
   * Makes these the members, by joint consensus; a host that is new must have opened the group by `node.consensus`, and has a say
   * once it has caught up with the others. Resolves when the change has ended. `ERR_PEER_UNREACHABLE` where a new voter does not answer
   * for 3 s, or the others would be no majority without those that do not; `ERR_TIMEOUT` where it does not keep up: then the
   * voters stay as they are. `ERR_NO_QUORUM` at the timeout, when the change may still go on: give it time for what a new host has to be sent.
   */
  changeVoters(
    voters: readonly (PeerId | string)[],
    options?: WaitOptions & { learners?: readonly (PeerId | string)[] | undefined }
  ): Promise<void>
  status(): ConsensusStatus
  /** Hands leadership to that voter, else to the one that has most of the log. `ERR_CONFIG` where it is no other voter. */
  transferLeadership(to?: PeerId | string, options?: WaitOptions): Promise<void>
  /** Takes a snapshot and compacts the log: of this node, or of some member where it is none. */
  snapshot(options?: WaitOptions): Promise<{ readonly index: number; readonly term: number }>
}

/** A group that holds values by key. */
export interface KeyValueGroup extends ConsensusGroup {
  /**
   * Sets the key's value, or deletes it where that is undefined. Resolves once a majority has it on disk and it is applied, once,
   * however often it was sent. `ERR_MESSAGE_TOO_LARGE` above 1 MiB, key and all: every member writes it to its log.
   */
  propose(key: string, value: unknown, options?: WaitOptions): Promise<Proposed<undefined>>
  /** The value, or undefined. */
  read(key: string, options?: ReadOptions): Promise<Payload>
  /** Sets the value where the key's is `expected`, compared as data; undefined stands for no value. Whether it did. */
  compareAndSet(key: string, expected: unknown, value: unknown, options?: WaitOptions): Promise<boolean>
  /**
   * What happens to the keys, in the order of the log: none missed and none twice, across reconnection and changes of leader. Where
   * the log has forgotten what is asked for, first a snapshot. Reads ahead by some 100 KB and no more. Ends with the node, the loop or `signal`.
   */
  watch(options?: WatchOptions): AsyncIterableIterator<WatchedValue | WatchSnapshot<ReadonlyMap<string, Payload>>>
}

/** A group that holds a machine of the user's own. */
export interface MachineGroup extends ConsensusGroup {
  /** Resolves with what the machine gave; rejects with the code and message of what it threw. Else as `KeyValueGroup.propose`. */
  propose(command: unknown, options?: WaitOptions): Promise<Proposed>
  /** Asks the machine's `query`. */
  read(question: unknown, options?: ReadOptions): Promise<Payload>
  /** The commands that it took, with what it gave. As `KeyValueGroup.watch`. */
  watch(options?: WatchOptions): AsyncIterableIterator<WatchedCommand | WatchSnapshot>
}

/** `node.consensus`. */
export interface OpenConsensus {
  (group: string, options: ConsensusOptions<KeyValueMachine>): Promise<KeyValueGroup>
  (group: string, options: ConsensusOptions<StateMachine>): Promise<MachineGroup>
}
