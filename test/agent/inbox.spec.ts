import assert from 'node:assert/strict'
import { numbers } from '../kit/numbers.ts'
import { eventsOf, fateOf, withMesh } from './ground.ts'

const ACKNOWLEDGED = { delivery: 'at-least-once' } as const

for (const [where, sender] of [
  ['the same node', 0],
  ['another node', 1]
] as const) {
  describe(`an agent without handlers, sent to from ${where}`, () => {
    it('keeps what comes until its handlers do, in order, each kind for its own', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const sends = numbers(20).map((i) => agent.send('worker', i, { ...ACKNOWLEDGED, type: i % 2 ? 'odd' : 'even' }))
        const asked = agent.request('worker', 'q', { type: 'ask', timeout: 60_000 })
        await mesh.advance(20_000)
        const heard: string[] = []
        worker.receive('even', ({ data }) => void heard.push(`even ${data}`))
        worker.handle('ask', ({ data }) => `answer to ${data}`)
        worker.receive('odd', ({ data }) => void heard.push(`odd ${data}`))
        await mesh.run(Promise.all(sends))
        assert.deepEqual(
          heard,
          numbers(20).map((i) => `${i % 2 ? 'odd' : 'even'} ${i}`)
        )
        assert.equal((await mesh.run(asked)).data, 'answer to q')
      })
    })

    it('refuses, once it has handlers, what none of them takes: nobody waits for ever', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const early = fateOf(agent.send('worker', 1, ACKNOWLEDGED))
        const asked = fateOf(agent.request('worker', 1, { type: 'other', timeout: 60_000 }))
        await mesh.advance(1_000)
        assert.deepEqual([early.status, asked.status], ['pending', 'pending'])
        worker.handle('ask', () => 1)
        await mesh.advance(1_000)
        assert.deepEqual([early.code, asked.code], ['ERR_NO_HANDLER', 'ERR_NO_HANDLER'])
        await assert.rejects(mesh.run(agent.send('worker', 1, ACKNOWLEDGED)), { code: 'ERR_NO_HANDLER' })
        assert.throws(() => worker.handle('ask', () => 2), { code: 'ERR_ALREADY_REGISTERED' })
        worker.receive(() => {})
        assert.throws(() => worker.receive(() => {}), { code: 'ERR_ALREADY_REGISTERED' })
        assert.throws(() => worker.receive('x', () => {}, { concurrency: 0 }), { code: 'ERR_CONFIG' })
      })
    })

    it('keeps no more than its mailbox holds, and says what it dropped', async () => {
      const limits = { mailbox: { messages: 10 } }
      await withMesh({ nodes: [{ limits }, { limits }] }, async (mesh) => {
        const events = eventsOf(mesh, 0)
        const worker = await mesh.run(mesh.nodes[0]!.agent('worker'))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        for (const i of numbers(15)) await mesh.run(agent.send('worker', i, { delivery: 'at-most-once' }))
        const calls = numbers(15).map((i) => fateOf(agent.request('worker', i, { type: 'ask', timeout: 60_000 })))
        await mesh.advance(1_100)
        const dropped = events.filter((event) => event.kind === 'dropped')
        assert.equal(
          dropped.reduce((sum, event) => sum + ('count' in event ? event.count : 0), 0),
          5
        )
        assert.ok(dropped.every((event) => 'code' in event && event.code === 'ERR_QUEUE_FULL'))
        assert.deepEqual(
          calls.map(({ code }) => code),
          numbers(15).map((i) => (i < 10 ? undefined : 'ERR_QUEUE_FULL'))
        )
        const heard: number[] = []
        worker.receive(({ data }) => void heard.push(data))
        await mesh.advance(100)
        assert.deepEqual(heard, numbers(10))
      })
    })

    it('refuses what waits when it closes, so that another member takes it', async () => {
      await withMesh({ nodes: 3 }, async (mesh) => {
        const first = await mesh.run(mesh.nodes[0]!.agent('worker'))
        const agent = await mesh.run(mesh.nodes[sender]!.agent('sender'))
        const sends = numbers(5).map((i) => agent.send('worker', i, ACKNOWLEDGED))
        await mesh.advance(100)
        const heard: number[] = []
        await mesh.run(mesh.nodes[2]!.agent('worker', { receive: ({ data }) => void heard.push(data) }))
        await mesh.run(first.close())
        await mesh.run(Promise.all(sends))
        assert.deepEqual(heard.sort(), numbers(5))
        await assert.rejects(mesh.run(first.send('worker', 1)), { code: 'ERR_STOPPED' })
        await mesh.run(first.close())
      })
    })
  })
}
