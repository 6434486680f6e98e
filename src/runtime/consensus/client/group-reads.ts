import type { Done } from '../../../../protocols/consensus/messages.ts'
import { cloneData } from '../../../../protocols/envelope/clone.ts'
import { pack, unpack } from '../../../../protocols/envelope/messagepack.ts'
import type { Ask } from './ask.ts'
import { type GroupCalls, lateAnswer } from './group-calls.ts'
import { aborted } from './pending.ts'
import type { Consistency, LocalReplica, Wait } from './types.ts'

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
  /** The latest strong reads. */
  #strong: IndexRead | undefined
  /** The highest index that this node has seen applied: what it reads in a session is not older. */
  #seen = 0

  constructor(calls: GroupCalls, replica: LocalReplica) {
    this.#calls = calls
    this.#replica = replica
  }

  get seen(): number {
    return this.#seen
  }

  saw(index: number): void {
    if (index > this.#seen) this.#seen = index
  }

  async elsewhere(part: string, question: unknown, consistency: Consistency, wait: Wait): Promise<unknown> {
    const asked = { op: 'read', part, question: pack(question) } as const
    const { index, value } = await (consistency === 'strong'
      ? this.#calls.lead({ ...asked, least: undefined }, wait)
      : this.#calls.follow({ ...asked, least: consistency === 'session' ? this.#seen : 0 }, wait))
    this.saw(index)
    return unpack(value)
  }

  async here(part: string, question: unknown, consistency: Consistency, wait: Wait): Promise<unknown> {
    const { closed } = this.#calls
    if (closed !== undefined) throw closed
    if (wait.signal?.aborted) throw aborted(wait.signal)
    if (consistency === 'strong') await this.#reachedIndex(wait)
    else if (consistency === 'session' && this.#replica.applied < this.#seen) await this.#reachedSeen(wait)
    this.saw(this.#replica.applied)
    return cloneData(this.#replica.query(part, question))
  }

  #reachedIndex(wait: Wait): Promise<void> {
    const pending = this.#calls.pending<void>(wait, () => this.#calls.noQuorum())
    const controller = new AbortController()
    try {
      const read = this.#readIndex()
      read.readers++
      pending.onDropped = (reason) => {
        controller.abort(reason)
        if (--read.readers === 0) this.#calls.drop(read.ask, reason)
      }
      pending.follow(read.done.then(({ index }) => this.#replica.reached(index, { signal: controller.signal })))
    } catch (error) {
      pending.reject(error)
    }
    return pending.promise
  }

  #reachedSeen(wait: Wait): Promise<void> {
    const pending = this.#calls.pending<void>(wait, lateAnswer)
    const controller = new AbortController()
    pending.onDropped = (reason) => controller.abort(reason)
    pending.follow(this.#replica.reached(this.#seen, { signal: controller.signal }))
    return pending.promise
  }

  /** One question for all reads until it is sent: whoever comes then may have seen what its answer does not cover. */
  #readIndex(): IndexRead {
    const waiting = this.#strong
    if (waiting !== undefined && waiting.ask.attempts === 0 && !waiting.ask.settled) return waiting
    this.#strong = { ...this.#calls.ask(this.#calls.leader, { op: 'index' }), readers: 0 }
    return this.#strong
  }
}
