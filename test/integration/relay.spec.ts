import assert from 'node:assert/strict'
import { meshOf } from '../kit/mesh.ts'
import { collect } from '../kit/record.ts'

describe('two nodes that cannot be dialled', function () {
  this.timeout(30_000)

  it('exchange messages, requests and streams through the peer they share', async () => {
    await using mesh = await meshOf({ name: 'relay' }, { name: 'left', listen: [] }, { name: 'right', listen: [] })
    const [, left, right] = mesh.nodes
    const received: unknown[] = []
    await right.agent('worker', {
      receive: ({ data }) => void received.push(data),
      handle: {
        double: ({ data }) => data * 2,
        async *count({ data }) {
          for (let i = 0; i < data; i++) yield Buffer.alloc(1_000, i)
        }
      }
    })
    const caller = await left.agent('caller')
    assert.equal((await caller.request('worker', 21, { type: 'double', timeout: 15_000 })).data, 42)
    const receipt = await caller.send('worker', 'hello', { delivery: 'at-least-once' })
    assert.deepEqual([receipt.status, receipt.route, receipt.transport], ['delivered', 'relayed', 'relay'])
    assert.deepEqual(received, ['hello'])
    assert.equal((await collect(caller.stream('worker', 500, { type: 'count' }))).length, 500)
    const { transport, route } = left.explain({ data: 1 }, 'worker')
    assert.deepEqual([transport.chosen, route.chosen], ['relay', 'relayed'])
    assert.equal(left.peers().find(({ name }) => name === 'right')?.transport, 'relay')
    assert.equal(left.peers().find(({ name }) => name === 'relay')?.transport, 'tcp')
  })
})
