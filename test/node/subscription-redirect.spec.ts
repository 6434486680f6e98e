import assert from 'node:assert/strict'
import type { Message } from '../../src/index.ts'
import { withMesh } from '../agent/ground.ts'

describe('what a full subscription redirects', () => {
  it('goes to the host that was named, in its trace, and is worth nothing beyond its time', async () => {
    await withMesh({ nodes: 3 }, async (mesh) => {
      const taken: Message[][] = [[], [], []]
      for (const host of [1, 2]) {
        await mesh.nodes[host]!.agent('relief', { receive: (message) => void taken[host]!.push(message) })
      }
      const [here] = mesh.nodes
      const shop = await here!.agent('shop')
      const redirect = { name: 'relief', peer: mesh.nodes[2]!.peerId }
      const maxQueue = { messages: 1 }
      await using orders = shop.subscribe('orders', { overflow: 'redirect', redirect, highWatermark: 1, maxQueue })
      await using all = shop.subscribe('orders')
      await Promise.all([orders.ready, all.ready])
      for (let i = 0; i < 20; i++) await shop.publish('orders', i, { ttl: 10_000 })
      await mesh.advance(100)
      assert.deepEqual(
        taken.map(({ length }) => length),
        [0, 0, 19]
      )
      const published: Message[] = []
      for await (const message of all) if (published.push(message) === 20) break
      const said = ({ data, subject, qos, trace }: Message) => [
        data,
        subject,
        qos?.deadline,
        trace?.traceparent.slice(0, 35)
      ]
      assert.deepEqual(taken[2]!.map(said), published.slice(1).map(said))
    })
  })

  it('waits no longer than its time for an agent that takes nothing', async () => {
    await withMesh({ nodes: 2 }, async (mesh) => {
      const handled: unknown[] = []
      let open = () => {}
      const blocked = new Promise<void>((resolve) => (open = resolve))
      const receive = async ({ data }: Message) => {
        handled.push(data)
        await blocked
      }
      await mesh.nodes[1]!.agent('relief', { receive })
      const shop = await mesh.nodes[0]!.agent('shop')
      const maxQueue = { messages: 1 }
      await using orders = shop.subscribe('orders', {
        ...{ overflow: 'redirect', redirect: 'relief', highWatermark: 1, maxQueue }
      })
      await orders.ready
      for (let i = 0; i < 10; i++) await shop.publish('orders', i, { ttl: 500 })
      await mesh.advance(1_000)
      open()
      await mesh.advance(1_000)
      assert.deepEqual(handled, [1])
    })
  })
})
