import { FOLLOW_BYTES } from '../../../../protocols/consensus/constants.ts'
import type { CallBody, Done, FollowValue } from '../../../../protocols/consensus/messages.ts'
import { cloneData } from '../../../../protocols/envelope/clone.ts'
import { pack, unpack } from '../../../../protocols/envelope/messagepack.ts'
import { MeshError } from '../../../../protocols/errors.ts'
import { LeaderSearch } from '../../../core/consensus/leader-search.ts'
import { Alarm } from '../../delivery/alarm.ts'
import type { Clock, Dice } from '../../ports.ts'
import { Ask } from './ask.ts'
import { membersOf } from './members.ts'
import { Pending } from './pending.ts'
import { type Proposal, Proposals } from './proposals.ts'
import { Route, type RouteParts } from './route.ts'
import type { Asked, Consistency, LocalReplica, Wait } from './types.ts'

export interface GroupClientParts extends Pick<RouteParts, 'send' | 'cancel'> {
  readonly group: string
  readonly self: string
  readonly clock: Clock
  readonly dice: Dice
  /** Where the group begins: whom to ask. */
  readonly members: { readonly voters: readonly string[]; readonly learners: readonly string[] }
  readonly replica: LocalReplica
  /** Numbers the ask, and hears of its answers until `settled`. */
  register(make: (number: number) => Ask): Ask
  settled(ask: Ask): void
}

/** Strong reads that wait for one index. */
interface IndexRead {
  readonly ask: Ask
  readonly done: Promise<Done>
  readers: number
}

/** What this node asks of one group, whether it is a member of it or not. */
export class GroupClient {
  readonly #parts: GroupClientParts
  readonly #alarm: Alarm<Pending<never>>
  /** To the leader. */
  readonly #leader: Route
  /** To whichever member answers. */
  readonly #members: Route
  readonly #proposals: Proposals
  readonly #leave: () => void
  /** The latest strong reads. */
  #reads: IndexRead | undefined
  /** The highest index that this node has seen applied: what it reads in a session is not older. */
  #seen = 0
  #term = 0
  #member = false
  #target: GroupClientParts['members']
  #closed: MeshError | undefined

  constructor(parts: GroupClientParts) {
    this.#parts = parts
    const { group, self, clock, dice, members, replica, send, cancel } = parts
    const random = (): number => dice.random()
    this.#alarm = new Alarm(clock, (pending) => pending.expire())
    this.#target = members
    const everybody = [...members.voters, ...members.learners]
    const route = (): Route =>
      new Route({ group, clock, send, cancel, search: new LeaderSearch(self, everybody, random) })
    this.#leader = route()
    this.#members = route()
    this.#proposals = new Proposals({
      nonce: () => Buffer.from(dice.bytes(16)).toString('base64url'),
      propose: (command) => this.#ask(this.#leader, { op: 'propose', command })
    })
    this.#leave = replica.onChange(() => this.#changed())
    this.#changed()
  }

  get seen(): number {
    return this.#seen
  }

  /** The index after what is applied here or was seen; undefined where this node is no member and cannot know. */
  get next(): number | undefined {
    return this.#member ? Math.max(this.#seen, this.#parts.replica.applied) + 1 : undefined
  }

  get closed(): boolean {
    return this.#closed !== undefined
  }

  /** As this client was told last. */
  get members(): { voters: readonly string[]; learners: readonly string[] } {
    return this.#target
  }

  /** As far as this node was told. */
  get leader(): string | undefined {
    return this.#leader.search.found
  }

  get term(): number {
    return this.#term
  }

  /** Whether this node is of the group's, voter or learner. */
  get isMember(): boolean {
    return this.#member
  }

  // ---- writing -----------------------------------------------------------------------------------------------------

  /**
   * Resolves once the command is applied, with what it led to; however often it is sent, it is applied once. Rejects with
   * the code that the state refused it with; `ERR_NO_QUORUM` at the timeout (then it may still be applied), `ERR_ABORTED`,
   * `ERR_QUEUE_FULL`, `ERR_UNREPRESENTABLE`, `ERR_SESSION_EXPIRED` (nobody knows whether it was applied), `ERR_STOPPED`.
   */
  propose(part: string, body: unknown, wait: Wait): Promise<Asked> {
    const pending = this.#pending<Asked>(wait, () => this.#noQuorum())
    if (pending.settled) return pending.promise
    const proposal: Proposal = {
      part,
      ask: undefined,
      get settled() {
        return pending.settled
      },
      body: undefined,
      resolve: (asked) => {
        this.#saw(asked.index)
        this.#term = Math.max(this.#term, asked.term)
        pending.resolve(asked)
      },
      reject: (error) => pending.reject(error)
    }
    pending.onDropped = (reason) => {
      if (proposal.ask === undefined) this.#proposals.dropped()
      else this.#drop(proposal.ask, reason)
    }
    try {
      this.#proposals.propose(Object.defineProperty(proposal, 'body', { value: cloneData(body) }))
    } catch (error) {
      pending.reject(error)
    }
    return pending.promise
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  /** Rejects as `propose`; what is not strong with `ERR_TIMEOUT` at its timeout. */
  read(part: string, question: unknown, consistency: Consistency, wait: Wait): Promise<unknown> {
    if (this.#member) return this.#readHere(part, question, consistency, wait)
    const strong = consistency === 'strong'
    const least = strong ? undefined : consistency === 'session' ? this.#seen : 0
    const body: CallBody = { op: 'read', least, part, question: pack(question) }
    const late = strong ? () => this.#noQuorum() : () => new MeshError('ERR_TIMEOUT', 'no replica answered in time')
    return this.#call(strong ? this.#leader : this.#members, body, wait, late).then(({ index, value }) => {
      this.#saw(index)
      return unpack(value)
    })
  }

  async #readHere(part: string, question: unknown, consistency: Consistency, wait: Wait): Promise<unknown> {
    const { replica } = this.#parts
    if (this.#closed !== undefined) throw this.#closed
    if (wait.signal?.aborted) throw aborted(wait.signal)
    if (consistency === 'strong') await this.#reachedIndex(wait)
    else if (consistency === 'session' && replica.applied < this.#seen) await this.#reachedSeen(wait)
    this.#saw(replica.applied)
    return cloneData(replica.query(part, question))
  }

  #reachedIndex(wait: Wait): Promise<void> {
    const pending = this.#pending<void>(wait, () => this.#noQuorum())
    const controller = new AbortController()
    try {
      const read = this.#readIndex()
      read.readers++
      pending.onDropped = (reason) => {
        controller.abort(reason)
        if (--read.readers === 0) this.#drop(read.ask, reason)
      }
      read.done
        .then(({ index }) => this.#parts.replica.reached(index, { signal: controller.signal }))
        .then(pending.resolve.bind(pending), pending.reject.bind(pending))
    } catch (error) {
      pending.reject(error)
    }
    return pending.promise
  }

  #reachedSeen(wait: Wait): Promise<void> {
    const late = (): MeshError => new MeshError('ERR_TIMEOUT', 'this replica has not come so far in time')
    const pending = this.#pending<void>(wait, late)
    const controller = new AbortController()
    pending.onDropped = (reason) => controller.abort(reason)
    this.#parts.replica
      .reached(this.#seen, { signal: controller.signal })
      .then(pending.resolve.bind(pending), pending.reject.bind(pending))
    return pending.promise
  }

  /** One question for all reads until it is sent: whoever comes then may have seen what its answer does not cover. */
  #readIndex(): IndexRead {
    const waiting = this.#reads
    if (waiting !== undefined && waiting.ask.attempts === 0 && !waiting.ask.settled) return waiting
    this.#reads = { ...this.#ask(this.#leader, { op: 'index' }), readers: 0 }
    return this.#reads
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
  changed(part: string, question: unknown, known: Uint8Array, wait: Wait): Promise<Uint8Array> {
    const body: CallBody = { op: 'await', part, question: pack(question), known }
    return this.#call(this.#leader, body, wait, () => this.#noQuorum()).then(({ value }) => value)
  }

  /** What the user's part was told from `from` on, and where to go on; nothing after a while. */
  async follow(from: number, wait: Wait): Promise<{ next: number; value: FollowValue }> {
    const body: CallBody = { op: 'follow', from, bytes: FOLLOW_BYTES }
    const late = (): MeshError => new MeshError('ERR_TIMEOUT', 'no replica answered in time')
    const { index, value } = await this.#call(this.#members, body, wait, late)
    if (index > from) this.#saw(index - 1)
    return { next: index, value: unpack(value) as FollowValue }
  }

  // ---- the group ---------------------------------------------------------------------------------------------------

  /** An index that what is read now is not below. */
  index(wait: Wait): Promise<number> {
    return this.#call(this.#leader, { op: 'index' }, wait, () => this.#noQuorum()).then(({ index }) => index)
  }

  async change(voters: readonly string[], learners: readonly string[], wait: Wait): Promise<void> {
    await this.#call(this.#leader, { op: 'change', voters, learners }, wait, () => this.#noQuorum())
    this.#target = { voters, learners }
    for (const route of [this.#leader, this.#members]) route.search.changed([...voters, ...learners])
  }

  async transfer(to: string | undefined, wait: Wait): Promise<void> {
    await this.#call(this.#leader, { op: 'transfer', to }, wait, () => this.#noQuorum())
  }

  /** Of the leader where this node has no replica. */
  async snapshot(wait: Wait): Promise<{ index: number; term: number }> {
    const { index, term } = await this.#call(this.#members, { op: 'snapshot' }, wait, () => this.#noQuorum())
    return { index, term }
  }

  /** What the peer was given will not be answered. */
  lost(peer: string): void {
    this.#leader.lost(peer)
    this.#members.lost(peer)
  }

  close(error: MeshError): void {
    this.#closed = error
    this.#leave()
    this.#proposals.close(error)
    this.#leader.close(error)
    this.#members.close(error)
    this.#alarm.stop()
  }

  // ---- asking ------------------------------------------------------------------------------------------------------

  #call(route: Route, body: CallBody, wait: Wait, late: () => MeshError): Promise<Done> {
    const pending = this.#pending<Done>(wait, late)
    if (pending.settled) return pending.promise
    try {
      const { ask, done } = this.#ask(route, body)
      pending.onDropped = (reason) => this.#drop(ask, reason)
      done.then(pending.resolve.bind(pending), pending.reject.bind(pending))
    } catch (error) {
      pending.reject(error)
    }
    return pending.promise
  }

  #pending<T>(wait: Wait, late: () => MeshError): Pending<T> {
    const pending = new Pending<T>(this.#alarm, this.#parts.clock, wait, late)
    if (this.#closed !== undefined) pending.reject(this.#closed)
    else if (wait.signal?.aborted) pending.reject(aborted(wait.signal))
    return pending
  }

  #ask(route: Route, body: CallBody): { ask: Ask; done: Promise<Done> } {
    const { promise: done, resolve, reject } = Promise.withResolvers<Done>()
    const ask = this.#parts.register((number) => new Ask(route, number, body, resolve, reject))
    try {
      route.ask(ask)
    } catch (error) {
      this.#parts.settled(ask)
      throw error
    }
    const settled = (): void => this.#parts.settled(ask)
    done.then(settled, settled)
    return { ask, done }
  }

  #drop(ask: Ask, reason: unknown): void {
    ask.route.drop(ask)
    ask.reject(reason)
  }

  #changed(): void {
    const { replica, self } = this.#parts
    const { leader, term } = replica.status()
    const members = membersOf(replica)
    this.#member = members.includes(self)
    if (!this.#member) return
    this.#leader.search.changed(members)
    this.#members.search.changed(members)
    this.#term = Math.max(this.#term, term)
    if (leader !== undefined) this.#leader.led(leader)
  }

  #saw(index: number): void {
    if (index > this.#seen) this.#seen = index
  }

  #noQuorum(): MeshError {
    return new MeshError('ERR_NO_QUORUM', `no leader of ${this.#parts.group} answered in time`, {
      details: { group: this.#parts.group }
    })
  }
}

const NOTHING = pack(undefined)

function aborted(signal: AbortSignal): MeshError {
  return new MeshError('ERR_ABORTED', 'the caller aborted', { cause: signal.reason })
}
