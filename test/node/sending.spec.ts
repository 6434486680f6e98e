import assert from 'node:assert/strict'
import type { Mesh } from '../../src/testing/index.ts'
import { gate, withMesh } from '../agent/ground.ts'

const ASK = { type: 'ask', timeout: 100 } as const
const ONCE = { delivery: 'at-most-once' } as const
const ACKNOWLEDGED = { delivery: 'at-least-once' } as const

/** An agent on node 0 whose circuit at its sender's node has opened, and cooled down. */
async function recovering(mesh: Mesh, at: number) {
  const heard: unknown[] = []
  const held = gate()
  const worker = await mesh.run(mesh.nodes[0]!.agent('worker', { handle: { ask: () => new Promise(() => {}) } }))
  worker.receive('held', () => held.passed)
  worker.receive(({ data }) => void heard.push(data))
  const sender = await mesh.run(mesh.nodes[at]!.agent('sender'))
  const fail = async (): Promise<void> => {
    for (let i = 0; i < 5; i++)
      await assert.rejects(mesh.run(sender.request('worker', i, ASK)), { code: 'ERR_TIMEOUT' })
    await assert.rejects(mesh.run(sender.request('worker', 0, ASK)), { code: 'ERR_CIRCUIT_OPEN' })
    await mesh.advance(1_000)
  }
  return { sender, heard, held, fail }
}

for (const [where, at] of [
  ['on the same node', 0],
  ['on another node', 1]
] as const) {
  describe(`a message to a target ${where} whose circuit was open`, () => {
    it('is no probe where nobody says how it went: others go on, and the first answer closes the circuit', async () => {
      await withMesh({ nodes: 2 }, async (mesh) => {
        const { sender, heard, fail } = await recovering(mesh, at)
        await fail()
        for (const i of [1, 2, 3]) await mesh.run(sender.send('worker', i, ONCE))
        assert.equal((await mesh.run(sender.send('worker', 4, ACKNOWLEDGED))).attempts, 1)
        assert.deepEqual(heard, [1, 2, 3, 4])
      })
    })

    it('is no probe while it waits for a receiver that is full', async () => {
      const mailbox = { messages: 100, highWatermark: 4, lowWatermark: 1 }
      await withMesh({ nodes: [{ limits: { mailbox } }, { limits: { mailbox } }] }, async (mesh) => {
        const { sender, heard, held, fail } = await recovering(mesh, at)
        for (let i = 0; i < 5; i++) await mesh.run(sender.send('worker', i, { ...ONCE, type: 'held' }))
        await mesh.advance(50)
        await fail()
        const waiting = sender.send('worker', 'waits', { ...ACKNOWLEDGED, type: 'held' })
        assert.equal((await mesh.run(sender.send('worker', 'passes', ACKNOWLEDGED))).attempts, 1)
        assert.deepEqual(heard, ['passes'])
        held.open()
        assert.equal((await mesh.run(waiting)).status, 'delivered')
      })
    })
  })
}
