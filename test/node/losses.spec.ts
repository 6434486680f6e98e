import assert from 'node:assert/strict'
import type { Agent } from '../../src/index.ts'
import { createMesh, type Mesh } from '../../src/testing/index.ts'
import { eventsOf } from '../agent/ground.ts'
import { numbers } from '../kit/numbers.ts'

const ONCE = { delivery: 'at-most-once' } as const

describe('what is lost of messages that nobody acknowledges', () => {
  interface Ground {
    mesh: Mesh
    agent: Agent
    send: (key?: string) => Promise<void>
  }

  /** Sends five and loses them; resolves with what the receiving node counted, and told. */
  async function losing(host: number, lose: (ground: Ground) => Promise<void>) {
    await using mesh = await createMesh({ nodes: 2, latency: [20, 20] })
    const events = eventsOf(mesh, host)
    const agent = await mesh.nodes[host]!.agent('worker')
    const sender = await mesh.nodes[0]!.agent('sender')
    await mesh.advance(200)
    const send = async (key?: string) => {
      for (const i of numbers(5)) await sender.send('worker', i, { ...ONCE, key })
    }
    await lose({ mesh, agent, send })
    await mesh.advance(2_000)
    const told = events.flatMap((event) => (event.kind === 'dropped' ? [[event.agent, event.code, event.count]] : []))
    return { dropped: mesh.nodes[host]!.counters().dropped, told }
  }

  for (const [where, host] of [
    ['this node', 0],
    ['another', 1]
  ] as const) {
    it(`is counted and told where their agent on ${where} was closed before it had a handler`, async () => {
      const { dropped, told } = await losing(host, async ({ agent, send, mesh }) => {
        await send()
        await mesh.advance(100)
        await agent.close()
      })
      assert.equal(dropped, 5)
      assert.deepEqual(told, [
        ['worker', 'ERR_NO_RESPONDERS', 1],
        ['worker', 'ERR_NO_RESPONDERS', 4]
      ])
    })

    it(`is counted where they wait behind a key at an agent on ${where} that is closed`, async () => {
      const { dropped } = await losing(host, async ({ agent, send, mesh }) => {
        agent.receive(() => mesh.sleep(500), { concurrency: 2 })
        await send('one')
        await mesh.advance(100)
        await agent.close()
      })
      assert.equal(dropped, 4)
    })
  }

  it('is counted and told where their agent is gone when they come', async () => {
    const { dropped, told } = await losing(1, async ({ agent, send }) => {
      agent.receive(() => {})
      const closed = agent.close()
      await send()
      await closed
    })
    assert.equal(dropped, 5)
    assert.deepEqual(told, [
      ['worker', 'ERR_NO_RESPONDERS', 1],
      ['worker', 'ERR_NO_RESPONDERS', 4]
    ])
  })

  it('is none of what its sender hears of', async () => {
    await using mesh = await createMesh({ nodes: 2 })
    const events = eventsOf(mesh, 1)
    await mesh.nodes[1]!.agent('worker', { receive: { known: () => mesh.sleep(500) } })
    const sender = await mesh.nodes[0]!.agent('sender')
    await mesh.advance(100)
    const first = sender.send('worker', 1, { type: 'known' })
    await assert.rejects(sender.send('worker', 2, { type: 'known', ttl: 300 }), { code: 'ERR_TTL' })
    await assert.rejects(sender.send('worker', 3, { type: 'unknown' }), { code: 'ERR_NO_HANDLER' })
    await first
    await mesh.advance(2_000)
    assert.equal(mesh.nodes[1]!.counters().dropped, 0)
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'dropped'),
      []
    )
  })
})
