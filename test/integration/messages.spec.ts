import assert from 'node:assert/strict'
import type { Context, Message } from '../../src/index.ts'
import { meshOf } from '../kit/mesh.ts'

const values = {
  text: 'ünïcødé 🐦‍🔥',
  number: -1.5e-300,
  integer: 2 ** 53 - 1,
  big: 2n ** 80n,
  date: new Date(0),
  bytes: new Uint8Array([0, 1, 255]),
  map: new Map<unknown, unknown>([
    [1, 'one'],
    ['two', new Set([2])]
  ]),
  nothing: undefined,
  none: null,
  list: [true, false, [{}]]
}

describe('messages between nodes', function () {
  this.timeout(30_000)

  it('arrive as they were sent, whatever the formats of the two', async () => {
    await using mesh = await meshOf({}, { formats: ['json'] }, { formats: ['messagepack'] })
    for (const node of mesh.nodes) await node.agent(node.name, { handle: { echo: ({ data }) => data } })
    for (const from of mesh.nodes) {
      const caller = await from.agent('caller')
      for (const to of mesh.nodes) {
        // Two that have no format in common cannot speak: json and messagepack alone are such a pair.
        if (from !== mesh.nodes[0] && to !== mesh.nodes[0] && from !== to) continue
        const reply = await caller.request(to.name, values, { type: 'echo' })
        assert.deepEqual(reply.data, values, `${from.name} to ${to.name}`)
      }
    }
  })

  it('bring every attribute, who sent them, and the trace through every hop', async () => {
    await using mesh = await meshOf({}, {}, {})
    const [a, b, c] = mesh.nodes
    const seen: { message: Message; ctx: Pick<Context, 'sender' | 'attempt'> }[] = []
    const note = (message: Message, { sender, attempt }: Context): void => {
      seen.push({ message, ctx: { sender, attempt } })
    }
    const middle = await b.agent('middle', {
      handle: {
        pass: async (message, ctx) => {
          note(message, ctx)
          return (await middle.request('last', message.data, { type: 'end' })).data
        }
      }
    })
    await c.agent('last', {
      handle: {
        end: (message, ctx) => {
          note(message, ctx)
          return 'done'
        }
      }
    })
    const first = await a.agent('first')
    const options = { type: 'pass', id: 'my-own-id', subject: 'a subject', priority: 'high' } as const
    const reply = await first.request('middle', { n: 1 }, options)
    assert.equal(reply.data, 'done')
    const [one, two] = seen
    assert.deepEqual(
      [one!.message.id, one!.message.type, one!.message.subject, one!.message.specversion],
      ['my-own-id', 'pass', 'a subject', '1.0']
    )
    assert.ok(Math.abs(Date.parse(one!.message.time) - Date.now()) < 60_000)
    assert.deepEqual(one!.ctx, { sender: { peer: String(a.peerId), agent: 'first' }, attempt: 1 })
    assert.deepEqual(two!.ctx.sender, { peer: String(b.peerId), agent: 'middle' })
    const trace = (message: Message): string[] => message.trace!.traceparent.split('-')
    assert.equal(trace(one!.message)[1], trace(two!.message)[1])
    assert.notEqual(trace(one!.message)[2], trace(two!.message)[2])
    assert.equal(trace(reply)[1], trace(one!.message)[1])
  })

  it('are the receiver’s own, also where both agents are on one node', async () => {
    await using mesh = await meshOf({}, {})
    const [a, b] = mesh.nodes
    const kept: { list: number[] }[] = []
    for (const node of [a, b]) {
      await node.agent(`keeper-${node.name}`, {
        receive: ({ data }) => {
          kept.push(data)
          data.list.push(99)
        }
      })
    }
    const sender = await a.agent('sender')
    const data = { list: [1] }
    for (const node of [a, b]) await sender.send(`keeper-${node.name}`, data, { delivery: 'at-least-once' })
    assert.deepEqual(data, { list: [1] })
    assert.deepEqual(kept, [{ list: [1, 99] }, { list: [1, 99] }])
    assert.notEqual(kept[0], kept[1])
  })
})
