import assert from 'node:assert/strict'
import { MeshError, type Receipt } from '../../src/index.ts'
import { withMesh } from './ground.ts'

const ACKNOWLEDGED = { delivery: 'at-least-once', to: 'all' } as const

describe('a message to all of a name', () => {
  it('reaches each member, with a receipt for each', async () => {
    await withMesh({ nodes: 3 }, async (mesh) => {
      const handled: string[] = []
      for (const i of [0, 1, 1, 2]) {
        const agent = await mesh.run(mesh.nodes[i]!.agent('worker'))
        agent.receive(({ data }) => void handled.push(`${data} at ${agent.instance}`))
      }
      const sender = await mesh.run(mesh.nodes[0]!.agent('sender'))
      await mesh.advance(100)
      const receipts = await mesh.run(sender.send('worker', 'all', ACKNOWLEDGED))
      assert.deepEqual(
        receipts.map(({ status }) => status),
        Array(4).fill('delivered')
      )
      assert.equal(new Set(handled).size, 4)
      await assert.rejects(mesh.run(sender.send('nobody', 0, ACKNOWLEDGED)), { code: 'ERR_NO_RESPONDERS' })
    })
  })

  it('reaches those that only the directory knows, by an instance that their host chooses', async () => {
    const limits = { members: 2, fullMesh: 2 }
    await withMesh({ nodes: Array.from({ length: 6 }, () => ({ limits })) }, async (mesh) => {
      const handled: unknown[] = []
      for (let i = 0; i < 2; i++) {
        await mesh.run(mesh.nodes[5]!.agent('worker', { receive: ({ data }) => void handled.push(data) }))
      }
      const blind = mesh.nodes.find((node) => node !== mesh.nodes[5] && node.agents('worker').length === 0)
      assert.ok(blind !== undefined, 'nobody whose view lacks the worker')
      const sender = await mesh.run(blind.agent('sender'))
      const receipts = await mesh.run(sender.send('worker', 'hello', ACKNOWLEDGED))
      assert.deepEqual(
        receipts.map(({ status, peer }) => [status, peer]),
        [['delivered', String(mesh.nodes[5]!.peerId)]]
      )
      assert.deepEqual(handled, ['hello'])
      await assert.rejects(mesh.run(sender.send('nobody', 0, ACKNOWLEDGED)), { code: 'ERR_NO_RESPONDERS' })
    })
  })

  it('tells of those that took it where others refused it', async () => {
    await withMesh({ nodes: 3 }, async (mesh) => {
      for (const i of [0, 1, 2]) {
        await mesh.run(mesh.nodes[i]!.agent('worker', { receive: (_, ctx) => i === 1 && ctx.term('not here') }))
      }
      const sender = await mesh.run(mesh.nodes[0]!.agent('sender'))
      await mesh.advance(100)
      const error = await mesh.run(sender.send('worker', 'all', ACKNOWLEDGED).catch((error: MeshError) => error))
      assert.ok(error instanceof MeshError)
      assert.equal(error.code, 'ERR_TERMINATED')
      const { receipts, refused } = error.details as { receipts: Receipt[]; refused: { peer: string; code: string }[] }
      const [here, there, third] = mesh.nodes.map(({ peerId }) => String(peerId))
      assert.deepEqual(receipts.map(({ status, peer }) => `${status} ${peer}`).sort(), [
        ...[here, third].map((peer) => `delivered ${peer}`).sort()
      ])
      assert.deepEqual(
        refused.map(({ peer, code }) => [peer, code]),
        [[there, 'ERR_TERMINATED']]
      )
      await assert.rejects(mesh.run(sender.send('worker', 1, { to: 'all', maxRetries: -1 })), {
        code: 'ERR_CONFIG',
        details: { key: 'maxRetries' }
      })
    })
  })
})
