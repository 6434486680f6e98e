import type { Done } from '../../../../protocols/consensus/messages.ts'
import { cloneData } from '../../../../protocols/envelope/clone.ts'
import { pack, unpack } from '../../../../protocols/envelope/messagepack.ts'
import { type MeshError, meshErrorOf, toRemoteShape } from '../../../../protocols/errors.ts'
import type { Ask } from './ask.ts'
import { type GroupCalls, type GroupCallsParts, lateAnswer } from './group-calls.ts'
import { aborted } from './pending.ts'
import type { Consistency, LocalReplica, Wait } from './types.ts'

/** ms that a read waits for this node's own replica. A guess: an election. */
const PATIENCE = 1_000

type Members = GroupCallsParts['members']

/** Strong reads that wait for one index. */
interface IndexRead {
  readonly ask: Ask
  readonly done: Promise<Done>
  readers: number
}

/** The reads of one group: from this node's replica where it is a member, else from another's. */
export class GroupReads {
  readonly #calls: GroupCalls
  readonly #replica: LocalReplica
  /** Told what the group's members are, where this node is none of them. */
  readonly #leftOut: (members: Members) => void
  /** The latest strong reads. */
  #strong: IndexRead | undefined
  /** The highest index that this node has seen applied: what it reads in a session is not older. */
  #seen = 0

  constructor(calls: GroupCalls, replica: LocalReplica, leftOut: (members: Members) => void) {
    this.#calls = calls
    this.#replica = replica
    this.#leftOut = leftOut
  }

  get seen(): number {
    return this.#seen
  }

  saw(index: number): void {
    if (index > this.#seen) this.#seen = index
  }

  elsewhere(part: string, question: unknown, consistency: Consistency, wait: Wait): Promise<unknown> {
    const calls = this.#calls
    const route = consistency === 'strong' ? calls.leader : calls.anybody
    const least = consistency === 'strong' ? undefined : consistency === 'session' ? this.#seen : 0
    try {
      return calls.call(route, { op: 'read', least, part, question: pack(question) }, wait, this.#taken)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  readonly #taken = ({ index, value }: Done): unknown => {
    this.saw(index)
    return unpack(value)
  }

  async here(part: string, question: unknown, consistency: Consistency, wait: Wait): Promise<unknown> {
    const { closed } = this.#calls
    if (closed !== undefined) throw closed
    if (wait.signal?.aborted) throw aborted(wait.signal)
    const reached = consistency === 'strong' ? await this.#reachedIndex(wait) : await this.#reached(consistency, wait)
    if (!reached) return this.elsewhere(part, question, consistency, wait)
    this.saw(this.#replica.applied)
    return cloneData(this.#query(part, question))
  }

  /** What the user's machine throws is what it would be from elsewhere. */
  #query(part: string, question: unknown): unknown {
    try {
      return this.#replica.query(part, question)
    } catch (error) {
      const { code, message } = toRemoteShape(error)
      throw meshErrorOf(code, message)
    }
  }

  /** Whether this replica is, or in a moment was, as far as the leader says. */
  #reachedIndex(wait: Wait): Promise<boolean> {
    const pending = this.#calls.pending<boolean>(wait, this.#calls.noQuorum)
    if (pending.settled) return pending.promise
    try {
      const read = this.#readIndex()
      read.readers++
      pending.onDropped = (reason) => {
        if (--read.readers === 0) this.#calls.drop(read.ask, reason)
      }
      pending.follow(read.done.then((done) => !this.isLeftOut(done) && this.#soon(done.index)))
    } catch (error) {
      pending.reject(error)
    }
    return pending.promise
  }

  #reached(consistency: Consistency, wait: Wait): boolean | Promise<boolean> {
    if (consistency === 'eventual' || this.#replica.applied >= this.#seen) return true
    const pending = this.#calls.pending<boolean>(wait, lateAnswer)
    if (!pending.settled) pending.follow(this.#soon(this.#seen))
    return pending.promise
  }

  /** A replica that is slow, or cut off from those who know, is not waited for. */
  #soon(index: number): boolean | Promise<boolean> {
    if (this.#replica.applied >= index) return true
    return this.#replica.reached(index, { timeout: PATIENCE }).then(
      () => true,
      (error: MeshError) => {
        if (error.code !== 'ERR_TIMEOUT') throw error
        return false
      }
    )
  }

  /** The leader's answer to `index` tells who is no member. */
  isLeftOut({ value }: Done): boolean {
    const members = unpack(value) as readonly [string[], string[]] | undefined
    if (members === undefined) return false
    const [voters, learners] = members
    this.#leftOut({ voters, learners })
    return true
  }

  /** One question for all reads until it is sent: whoever comes then may have seen what its answer does not cover. */
  #readIndex(): IndexRead {
    const waiting = this.#strong
    if (waiting !== undefined && waiting.ask.attempts === 0 && !waiting.ask.settled) return waiting
    this.#strong = { ...this.#calls.ask(this.#calls.leader, { op: 'index' }), readers: 0 }
    return this.#strong
  }
}
