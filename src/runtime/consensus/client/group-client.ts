import { FOLLOW_BYTES } from '../../../../protocols/consensus/constants.ts'
import type { FollowValue } from '../../../../protocols/consensus/messages.ts'
import { cloneData } from '../../../../protocols/envelope/clone.ts'
import { pack, unpack } from '../../../../protocols/envelope/messagepack.ts'
import { MeshError } from '../../../../protocols/errors.ts'
import type { Timer } from '../../ports.ts'
import { GroupCalls, type GroupCallsParts } from './group-calls.ts'
import { GroupReads } from './group-reads.ts'
import { membersOf } from './members.ts'
import { type Proposal, Proposals } from './proposals.ts'
import type { Asked, Consistency, LocalReplica, Wait } from './types.ts'

export interface GroupClientParts extends Omit<GroupCallsParts, 'told' | 'ended'> {
  readonly replica: LocalReplica
}

/** What this node asks of one group, whether it is a member of it or not. */
export class GroupClient {
  readonly #parts: GroupClientParts
  readonly #calls: GroupCalls
  readonly #reads: GroupReads
  readonly #proposals: Proposals
  readonly #leave: () => void
  #term = 0
  #member = false
  /** Whoever leads has said how far the log is, since this was opened: 0 before. */
  #last = 0
  #members: GroupClientParts['members']
  /** The end of the own replica's log when it was told that the members are others: until it goes on, what it says of them is old. */
  #outdated: number | undefined
  #probe: Timer | undefined
  /** While it is asked who a stranger is. */
  #asking: Timer | undefined

  constructor(parts: GroupClientParts) {
    this.#parts = parts
    const { dice, members, replica } = parts
    this.#members = members
    this.#calls = new GroupCalls({ ...parts, told: (now) => replica.vouchFor(now), ended: () => replica.ended })
    this.#reads = new GroupReads(this.#calls, replica, (left) => this.#leftOut(left))
    this.#proposals = new Proposals({
      nonce: () => Buffer.from(dice.bytes(16)).toString('base64url'),
      propose: (command, owner) => this.#calls.begin(this.#calls.leader, { op: 'propose', command }, owner)
    })
    const leave = [replica.onChange(() => this.#changed()), replica.onStranger(() => this.#askWhoSpeaks())]
    this.#leave = () => {
      for (const one of leave) one()
    }
    this.#changed()
  }

  /** The highest index that this node has seen applied. */
  get seen(): number {
    return this.#reads.seen
  }

  /**
   * The index after what is applied here or was seen; undefined where this node cannot know: it is no member, or has just
   * started and may have applied little of what it missed.
   */
  get next(): number | undefined {
    if (!this.#member || this.#last === 0) return undefined
    return Math.max(this.#last, this.seen, this.#parts.replica.applied) + 1
  }

  get closed(): boolean {
    return this.#calls.closed !== undefined
  }

  /** As this client was told last. */
  get members(): GroupClientParts['members'] {
    return this.#members
  }

  /** As far as this node was told. */
  get leader(): string | undefined {
    return this.#calls.leader.search.found
  }

  get term(): number {
    return this.#term
  }

  /** Whether this node is of the group's, voter or learner. */
  get isMember(): boolean {
    return this.#member
  }

  /**
   * Resolves once the command is applied, with what it led to; however often it is sent, it is applied once. Rejects with
   * the code that the state refused it with; `ERR_NO_QUORUM` at the timeout (then it may still be applied), `ERR_ABORTED`,
   * `ERR_QUEUE_FULL`, `ERR_UNREPRESENTABLE`, `ERR_SESSION_EXPIRED` (nobody knows whether it was applied), `ERR_STOPPED`.
   */
  propose(part: string, body: unknown, wait: Wait): Promise<Asked> {
    const pending = this.#calls.pending<Asked>(wait, this.#calls.noQuorum)
    if (pending.settled) return pending.promise
    try {
      const proposal: Proposal = {
        ...{ part, body: cloneData(body), ask: undefined, settled: false },
        resolve: (asked) => {
          this.#reads.saw(asked.index)
          this.#last = Math.max(this.#last, asked.index)
          this.#term = Math.max(this.#term, asked.term)
          pending.resolve(asked)
        },
        reject: (error) => pending.reject(error)
      }
      pending.onDropped = (reason) => {
        proposal.settled = true
        if (proposal.ask === undefined) this.#proposals.dropped()
        else this.#calls.drop(proposal.ask, reason)
      }
      this.#proposals.propose(proposal)
    } catch (error) {
      pending.reject(error)
    }
    return pending.promise
  }

  /** Rejects as `propose`; what is not strong with `ERR_TIMEOUT` at its timeout. */
  read(part: string, question: unknown, consistency: Consistency, wait: Wait): Promise<unknown> {
    if (this.#member) return this.#reads.here(part, question, consistency, wait)
    return this.#reads.elsewhere(part, question, consistency, wait)
  }

  /** Resolves once the lock is granted to the waiter, or the time is over; it may have been granted before. */
  async granted(lock: string, waiter: string, wait: Wait): Promise<void> {
    try {
      await this.changed('locks', { granted: lock, waiter }, NOTHING, wait)
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'ERR_NO_QUORUM') throw error
    }
  }

  /** Resolves once a question's answer is another than `known`, as MessagePack, or after a while. The leader answers. */
  async changed(part: string, question: unknown, known: Uint8Array, wait: Wait): Promise<Uint8Array> {
    return (await this.#calls.lead({ op: 'await', part, question: pack(question), known }, wait)).value
  }

  /** What the part was told from `from` on, and where to go on; nothing after a while. */
  async follow(part: string, from: number, wait: Wait): Promise<{ next: number; value: FollowValue }> {
    const { index, value } = await this.#calls.follow({ op: 'follow', from, bytes: FOLLOW_BYTES, part }, wait)
    const [snapshot, ...entries] = unpack(value) as FollowValue
    if (snapshot !== null || entries.length > 0) this.#reads.saw(index - 1)
    return { next: index, value: [snapshot, ...entries] }
  }

  /** An index that what is read now is not below. */
  async index(wait: Wait): Promise<number> {
    const { index } = await this.#calls.lead({ op: 'index' }, wait)
    this.#last = Math.max(this.#last, index)
    return index
  }

  async change(voters: readonly string[], learners: readonly string[], wait: Wait): Promise<void> {
    await this.#calls.lead({ op: 'change', voters, learners }, wait)
    this.#members = { voters, learners }
    this.#calls.changed([...voters, ...learners])
  }

  async transfer(to: string | undefined, wait: Wait): Promise<void> {
    await this.#calls.lead({ op: 'transfer', to }, wait)
  }

  /** Of this node where it is a member. */
  async snapshot(wait: Wait): Promise<{ index: number; term: number }> {
    const { index, term } = await this.#calls.follow({ op: 'snapshot' }, wait)
    return { index, term }
  }

  /** What the peer was given will not be answered. */
  lost(peer: string): void {
    this.#calls.lost(peer)
  }

  close(error: MeshError): void {
    this.#leave()
    this.#probe?.cancel()
    this.#asking?.cancel()
    this.#proposals.close(error)
    this.#calls.close(error)
  }

  #changed(): void {
    const { replica, self } = this.#parts
    if (this.closed) return
    const { leader, term, configuration, last } = replica.status()
    const members = membersOf(replica)
    const before = this.#member
    this.#member = members.includes(self) && last !== this.#outdated && replica.ended === undefined
    if (replica.ended !== undefined) this.#calls.changed(members.filter((member) => member !== self))
    else if (this.#member || (before && members.length > 0)) this.#told(configuration, members)
    if (!this.#member) return
    this.#term = Math.max(this.#term, term)
    if (leader !== undefined) this.#calls.leader.led(leader)
    else this.#askSoon()
  }

  /** Of those whom it asks it is one itself, or not any more. */
  #told(configuration: GroupClientParts['members'], members: readonly string[]): void {
    this.#members = configuration
    this.#calls.changed(members)
  }

  /** Others lead, and this node is no member any more. */
  #leftOut(members: GroupClientParts['members']): void {
    this.#outdated = this.#parts.replica.status().last
    this.#member = false
    this.#members = members
    const everybody = [...members.voters, ...members.learners]
    this.#parts.replica.vouchFor(everybody)
    this.#calls.changed(everybody)
  }

  /** A member that hears of no leader may have been left out. */
  #askSoon(): void {
    const { clock, replica } = this.#parts
    this.#probe ??= clock.after(LEADERLESS, () => {
      this.#probe = undefined
      if (this.closed || !this.#member || replica.status().leader !== undefined) return
      void this.#askOthers()
    })
  }

  /** The members whom this node knows can tell who a stranger is, which may be of a configuration that has not come here yet. */
  #askWhoSpeaks(): void {
    this.#asking ??= this.#parts.clock.after(STRANGER, async () => {
      if (!this.closed) await this.#askOthers()
      this.#asking = undefined
    })
  }

  /** On the way to a leader, whoever does not lead says who the members are. */
  async #askOthers(): Promise<void> {
    try {
      this.#reads.isLeftOut(await this.#calls.lead({ op: 'index' }, { timeout: LEADERLESS }))
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
    }
    this.#changed()
  }
}

/** ms without a leader after which a member asks the others. A guess: most elections are over by then. */
const LEADERLESS = 3_000
/** ms between a stranger's word and the question who it is, so that strangers make little work. A guess: five ticks. */
const STRANGER = 500

const NOTHING = pack(undefined)
