import assert from 'node:assert/strict'
import { createMesh } from '../../src/testing/index.ts'
import { eventsOf } from '../agent/ground.ts'

describe('what has outlived its time', () => {
  it('is no request any more once its handler has time for it', async () => {
    for (const host of [0, 1]) {
      await using mesh = await createMesh({ nodes: 2 })
      const handled: unknown[] = []
      const slow = async ({ data }: { data: unknown }) => {
        handled.push(data)
        await mesh.sleep(1_000)
        return data
      }
      await mesh.nodes[host]!.agent('worker', { handle: { slow: [slow, { concurrency: 1 }] } })
      const caller = await mesh.nodes[0]!.agent('caller')
      await mesh.advance(100)
      const ask = (data: number, ttl: number) => caller.request('worker', data, { type: 'slow', ttl })
      const requests = [ask(1, 50), ask(2, 500), ask(3, 3_000)]
      const ends = await mesh.run(Promise.allSettled(requests))
      assert.deepEqual(
        ends.map((end) => (end.status === 'fulfilled' ? end.value.data : end.reason.code)),
        [1, 'ERR_TTL', 3]
      )
      assert.deepEqual(handled, [1, 3])
    }
  })

  for (const options of [{}, { delivery: 'at-least-once' }, { filter: () => true }, { from: 'now' }] as const) {
    it(`is not read from a subscription with ${JSON.stringify(options)}, and told`, async () => {
      await using mesh = await createMesh({ nodes: 2, disks: true })
      const shop = await mesh.nodes[0]!.agent('shop')
      for (const node of [0, 1]) {
        const events = eventsOf(mesh, node)
        const audit = await mesh.nodes[node]!.agent('audit')
        await using orders = audit.subscribe('orders', options)
        await orders.ready
        await shop.publish('orders', 'stale', { ttl: 50 })
        await mesh.advance(500)
        await shop.publish('orders', 'fresh', { ttl: 5_000 })
        const { value } = await orders[Symbol.asyncIterator]().next()
        assert.equal(value?.data, 'fresh')
        assert.equal(orders.stats().expired, 1)
        const told = events.filter(({ kind }) => kind === 'expired')
        assert.deepEqual(
          told.map((event) => 'messages' in event && event.messages),
          [1]
        )
      }
    })
  }
})
