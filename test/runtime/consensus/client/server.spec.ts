import assert from 'node:assert/strict'
import { decodeAnswers } from '../../../../protocols/consensus/codec.ts'
import type { Answer, Call } from '../../../../protocols/consensus/messages.ts'
import { pack } from '../../../../protocols/envelope/messagepack.ts'
import { keyValue } from '../../../../src/core/replicated/key-value.ts'
import { ReplicatedState } from '../../../../src/core/replicated/replicated-state.ts'
import { PeerAsker } from '../../../../src/runtime/consensus/client/peer-asker.ts'
import { ConsensusServer } from '../../../../src/runtime/consensus/client/server.ts'
import type { LocalReplica } from '../../../../src/runtime/consensus/client/types.ts'
import type { Followed } from '../../../../src/runtime/consensus/types.ts'
import type { Link } from '../../../../src/runtime/links/types.ts'
import { World } from '../../../../src/testing/world.ts'

const LARGE = 3 * 2 ** 20

describe('what answers calls to replicas', () => {
  /** A group of whose log only a large snapshot is left, asked over a link that takes nothing until it is opened. */
  async function asked(calls: Call[]): Promise<{ worked: () => number; answers: Answer[]; open: () => Promise<void> }> {
    const { clock } = await new World({}).place('a')
    const state = new ReplicatedState({ machine: keyValue() })
    state.restore(
      Buffer.concat([
        ...new ReplicatedState({ machine: { ...machine(), snapshot: () => ['big', 'x'.repeat(LARGE)] } }).capture()
      ])
    )
    const snapshot = Buffer.concat([...state.capture()])
    let worked = 0
    const replica = {
      applied: 9,
      reached: () => Promise.resolve(),
      status: () => ({ role: 'leader', leader: 'a' }),
      onChange: () => () => {},
      query: (part: string, question: unknown) => {
        worked++
        return state.query(part, question)
      },
      follow: (_: number, tell: (followed: Followed) => void) => {
        queueMicrotask(() =>
          tell({
            index: 9,
            get snapshot() {
              worked++
              return snapshot
            }
          })
        )
        return () => {}
      }
    } as unknown as LocalReplica
    const answers: Answer[] = []
    let drained = Promise.withResolvers<void>()
    const link = {
      peer: 'b',
      closed: false,
      send: (_: number, body: Uint8Array) => {
        answers.push(...decodeAnswers(body.slice()))
        return false
      },
      drained: () => drained.promise
    } as unknown as Link
    const server = new ConsensusServer('a', clock)
    server.open('g', replica)
    const asker = new PeerAsker(link)
    const ask = async () => {
      for (const call of calls) server.take('g', call, asker)
      await settled()
    }
    await ask()
    const open = async () => {
      drained.resolve()
      await settled()
      drained = Promise.withResolvers()
      await ask()
    }
    return { worked: () => worked, answers, open }
  }

  function machine() {
    const inner = keyValue()
    return {
      apply: inner.apply.bind(inner),
      query: inner.query.bind(inner),
      restore: inner.restore.bind(inner),
      snapshot: inner.snapshot.bind(inner)
    }
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const ids = Array.from({ length: 200 }, (_, i) => i + 1)
  const questions: Record<string, (id: number) => Call> = {
    follow: (id) => ({ id, op: 'follow', from: 1, bytes: 1_000, part: 'machine' }),
    read: (id) => ({ id, op: 'read', least: 0, part: 'machine', question: pack({ get: 'big' }) }),
    await: (id) => ({ id, op: 'await', part: 'machine', question: pack({ get: 'big' }), known: new Uint8Array() })
  }

  for (const [op, call] of Object.entries(questions)) {
    it(`works out no more large answers to ${op} than the link takes, and bids whoever asked ask again`, async () => {
      const { worked, answers, open } = await asked(ids.map(call))
      const first = worked()
      assert(first >= 1 && first <= 4, `${first} of ${ids.length} were worked out`)
      const again = answers.filter((answer) => 'code' in answer && answer.code === 'ERR_QUEUE_FULL')
      assert.equal(again.length, ids.length - 3)
      await open()
      assert(worked() > first && worked() <= first + 4)
    })
  }
})
