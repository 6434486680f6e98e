import type { Random } from '../machine.ts'
import { isVoter, members } from './configuration.ts'
import { Log } from './log.ts'
import { type RaftOptions, withDefaults } from './options.ts'
import { Progress } from './progress.ts'
import { quorumReached } from './quorum.ts'
import { Reads } from './reads.ts'
import type { Configuration, Entry, HardState, Message, MessageContent, Role, Snapshot } from './types.ts'

/** What was on disk when the node started. `snapshot` at index 0 is the group's first configuration. */
export interface Start {
  readonly id: string
  readonly hardState: HardState
  readonly snapshot: Snapshot
  /** In order and without a gap; those that the snapshot stands for are passed over. */
  readonly entries: readonly Entry[]
  /** What the state machine has on disk; that of the snapshot by default. Beyond it, it is given everything again. */
  readonly applied?: number
}

/** The parts of a snapshot that is coming in: of one leader, in its term, one after the other. */
export interface Incoming {
  readonly from: string
  readonly term: number
  readonly index: number
  /** Bytes of all of it. */
  readonly total: number
  readonly parts: Uint8Array[]
  received: number
}

/** What one node of a group knows: what its rules read and change. */
export class State {
  readonly id: string
  readonly options: RaftOptions
  readonly log: Log
  readonly reads = new Reads()
  readonly #random: Random
  /** Never falls; on disk before anybody hears of it (thesis, figure 3.1). */
  term: number
  /** Whom the node voted for in `term`; never changes within it, and is on disk before anybody hears of it. */
  vote: string | undefined
  role: Role = 'follower'
  leader: string | undefined
  /** Never falls, nor passes the end of the log. */
  commit: number
  /** As the driver says. */
  applied: number
  /** Up to here the driver was given what to apply; never above `commit`. */
  handedOut: number
  /** ms, as of the input under way. */
  now = 0
  /** Ticks since the last sign of a leader or the last election; on a leader, since the quorum was checked. */
  elapsed = 0
  /** Ticks since a leader of this term was heard: below `electionTicks` nobody else is voted for (thesis 6.2). */
  sinceLeader: number
  sinceHeartbeat = 0
  /** Ticks without a leader after which this node stands for election: drawn again each time (thesis 3.4). */
  patience = 0
  readonly votes = new Map<string, boolean>()
  /** A leader's: everybody else in the configuration. */
  readonly progress = new Map<string, Progress>()
  /** Whom leadership is handed to, and for how many ticks yet (thesis 3.10). */
  transfer: { to: string; ticks: number } | undefined
  /** An election by force may be under way in this term: no lease holds any more. */
  forced = false
  incoming: Incoming | undefined
  /** What has taken the log's place and is not yet given to the disk. */
  installed: Snapshot | undefined
  /** Leave at once, and only after the batch that is to be persisted. */
  atOnce: Message[] = []
  afterPersist: Message[] = []
  /** Appends that only tell how far the log is committed. */
  commits: Message[] = []
  /** Index of the log up to which a voter's disk has it: what a leader counts. Its own counts only once it is stable. */
  readonly matched = (id: string): number =>
    id === this.id ? this.log.writes.stable : (this.progress.get(id)?.match ?? 0)

  constructor({ id, hardState, snapshot, entries, applied = 0 }: Start, options: Partial<RaftOptions>, random: Random) {
    this.id = id
    this.options = withDefaults(options)
    this.#random = random
    this.term = hardState.term
    this.vote = hardState.vote
    this.log = new Log(snapshot, entries, hardState.term)
    this.applied = this.handedOut = Math.max(snapshot.index, applied)
    this.commit = Math.max(this.applied, Math.min(hardState.commit, this.log.last))
    // Whoever starts again does not know when it last heard of a leader, which may rely on it.
    this.sinceLeader = this.options.lease === undefined ? this.options.electionTicks : 0
    this.restartTimer()
  }

  get configuration(): Configuration {
    return this.log.configurations.current
  }

  /** Whether its vote could count: whoever may not stand for election waits for a leader. */
  get electable(): boolean {
    return this.log.configurations.mayVote(this.id, this.commit)
  }

  /** The entry up to which a quorum has the log on disk. */
  get quorumMatched(): number {
    return quorumReached(this.configuration, this.matched)
  }

  /** What promises nothing that a crash could break, or what a leader says of entries that it does not count itself. */
  sendAtOnce(to: string, content: MessageContent, term = this.term): void {
    this.atOnce.push({ ...content, from: this.id, to, term })
  }

  tellCommit(to: string, content: MessageContent): void {
    this.commits.push({ ...content, from: this.id, to, term: this.term })
  }

  send(to: string, content: MessageContent, term = this.term): void {
    this.afterPersist.push({ ...content, from: this.id, to, term })
  }

  restartTimer(): void {
    const { electionTicks } = this.options
    this.elapsed = 0
    this.patience = electionTicks + Math.floor(this.#random() * electionTicks)
  }

  /** To two heartbeats at least, in which a leader that lives has been heard, and about half an election's time at most. */
  shortenTimer(): void {
    const { electionTicks, heartbeatTicks } = this.options
    const left = 2 * heartbeatTicks + Math.floor((this.#random() * electionTicks) / 2)
    this.elapsed = Math.max(this.elapsed, this.patience - left)
  }

  heardLeader(leader: string): void {
    this.leader = leader
    this.elapsed = this.sinceLeader = 0
  }

  becomeFollower(term: number, leader: string | undefined): void {
    if (term !== this.term) {
      this.term = term
      this.vote = undefined
      this.incoming = undefined
    }
    this.leader = leader
    this.#enter('follower')
  }

  becomePreCandidate(): void {
    this.leader = undefined
    this.#enter('pre-candidate')
  }

  /** The vote for itself counts once it is on disk, as any vote does. */
  becomeCandidate(): void {
    this.term++
    this.vote = this.id
    this.leader = undefined
    this.incoming = undefined
    this.#enter('candidate')
  }

  becomeLeader(): void {
    this.leader = this.id
    this.#enter('leader')
    this.followMembers()
  }

  /** Of each member of the configuration there is a progress, and of nobody else. */
  followMembers(): void {
    const now = members(this.configuration)
    for (const id of this.progress.keys()) if (!now.includes(id)) this.progress.delete(id)
    const { maxInflight, maxInflightBytes } = this.options
    for (const id of now) {
      if (id === this.id || this.progress.has(id)) continue
      this.progress.set(id, new Progress(this.log.last + 1, maxInflight, maxInflightBytes))
    }
    if (this.transfer !== undefined && !isVoter(this.configuration, this.transfer.to)) this.transfer = undefined
  }

  #enter(role: Role): void {
    this.role = role
    this.restartTimer()
    this.sinceHeartbeat = 0
    this.votes.clear()
    this.progress.clear()
    this.transfer = undefined
    this.forced = false
    this.reads.abandon()
  }
}
