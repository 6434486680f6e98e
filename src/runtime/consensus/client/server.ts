import { POLL } from '../../../../protocols/consensus/constants.ts'
import type { Answer, Call, CallBody } from '../../../../protocols/consensus/messages.ts'
import { pack } from '../../../../protocols/envelope/messagepack.ts'
import { MeshError, toRemoteShape } from '../../../../protocols/errors.ts'
import type { Clock } from '../../ports.ts'
import { LeaderReads, type Reader, respond } from './leader-reads.ts'
import { LongPolls, type Waiter } from './long-polls.ts'
import { membersOf } from './members.ts'
import type { LocalReplica } from './types.ts'

/** Where answers go: a peer's stream, or this node's own client. */
export interface Asker {
  /** PeerId. */
  readonly peer: string
  /** Much that it asked for has not left yet: what may be large is not worked out for it, it is to ask again. */
  readonly full: boolean
  answer(answer: Answer): void
  /** What waits for something to happen, by its number: to be called when nobody wants it any more. */
  readonly open: Map<number, () => void>
}

interface Served {
  readonly replica: LocalReplica
  readonly polls: LongPolls
  readonly reads: LeaderReads
}

/** Answers the calls to the replicas of this node. */
export class ConsensusServer {
  readonly #clock: Clock
  readonly #self: string
  readonly #groups = new Map<string, Served>()

  constructor(self: string, clock: Clock) {
    this.#self = self
    this.#clock = clock
  }

  open(name: string, replica: LocalReplica): void {
    this.#groups.set(name, {
      replica,
      polls: new LongPolls(replica, this.#clock),
      reads: new LeaderReads(replica, this.#clock)
    })
  }

  stop(): void {
    for (const { polls } of this.#groups.values()) polls.stop()
    this.#groups.clear()
  }

  take(name: string, call: Call, asker: Asker): void {
    const served = this.#groups.get(name)
    if (served === undefined) {
      asker.answer(failure(call.id, new MeshError('ERR_NO_CONSENSUS', `${this.#self} has no group ${name}`), undefined))
      return
    }
    const { replica, polls } = served
    if (call.op === 'await') polls.await(call, waiterOf(call.id, asker, replica))
    else if (call.op === 'follow') polls.follow(call, waiterOf(call.id, asker, replica))
    else if (call.op === 'read') this.#read(served, call, readerOf(call.id, asker, replica))
    else
      this.#serve(replica, call, asker.peer).then(
        (done) => asker.answer({ id: call.id, ...done, rest: 0 }),
        (error) => asker.answer(failure(call.id, error, replica))
      )
  }

  #read({ replica, reads }: Served, call: Extract<CallBody, { op: 'read' }>, reader: Reader): void {
    if (call.least === undefined) reads.add(call, reader)
    else if (replica.ended === undefined && call.least <= replica.applied) respond(replica, call, reader)
    else
      replica.reached(call.least, { timeout: POLL }).then(
        () => respond(replica, call, reader),
        (error) => reader.failed(error)
      )
  }

  async #serve(
    replica: LocalReplica,
    call: Exclude<CallBody, { op: 'await' | 'follow' | 'read' }>,
    peer: string
  ): Promise<{ index: number; term: number; value: Uint8Array }> {
    switch (call.op) {
      case 'propose': {
        const { index, term, outcome } = await replica.propose(call.command)
        const value = outcome.ok ? [true, outcome.value] : [false, outcome.code, outcome.message]
        return { index, term, value: pack(value) }
      }
      case 'index': {
        const index = await replica.readIndex()
        // Who was left out is told by nobody else: its own replica will never come so far.
        const { voters, learners } = replica.status().configuration
        return { index, term: 0, value: membersOf(replica).includes(peer) ? NOTHING : pack([voters, learners]) }
      }
      case 'change':
        await replica.reconfigure({ voters: call.voters, learners: call.learners })
        return { index: 0, term: 0, value: NOTHING }
      case 'transfer':
        await replica.transfer(call.to)
        return { index: 0, term: 0, value: NOTHING }
      case 'snapshot': {
        const { index, term } = await replica.snapshot()
        return { index, term, value: NOTHING }
      }
    }
  }
}

const NOTHING = pack(undefined)

function waiterOf(id: number, asker: Asker, replica: LocalReplica): Waiter {
  return {
    get full() {
      return asker.full
    },
    opened: (close) => void asker.open.set(id, close),
    done: (index, value) => {
      asker.open.delete(id)
      asker.answer({ id, index, term: 0, value, rest: 0 })
    },
    failed: (error) => {
      asker.open.delete(id)
      asker.answer(failure(id, error, replica))
    }
  }
}

function readerOf(id: number, asker: Asker, replica: LocalReplica): Reader {
  return {
    get full() {
      return asker.full
    },
    done: (index, value) => asker.answer({ id, index, term: 0, value, rest: 0 }),
    failed: (error) => asker.answer(failure(id, error, replica))
  }
}

/** Bytes fit `MAX_MESSAGE_BYTES` however they are encoded. */
const MOST_MESSAGE = 1_024

function failure(id: number, error: unknown, replica: LocalReplica | undefined): Answer {
  const shape = toRemoteShape(error)
  // What has befallen this replica is no reason for others not to answer.
  const code = replica?.ended === undefined ? shape.code : 'ERR_STOPPED'
  const { message } = shape
  const answer = { id, code: code.slice(0, 64), message: message.slice(0, MOST_MESSAGE).toWellFormed() }
  if (code !== 'ERR_NOT_LEADER' || replica === undefined) return { ...answer, leader: undefined, members: undefined }
  return { ...answer, leader: replica.status().leader, members: membersOf(replica) }
}
