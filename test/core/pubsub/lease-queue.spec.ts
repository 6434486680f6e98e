import assert from 'node:assert/strict'
import { LeaseQueue } from '../../../src/core/pubsub/lease-queue.ts'

const limits = { highWatermark: 3, lowWatermark: 1, maxQueue: { messages: 6, bytes: 600 } }

describe('a lease queue', () => {
  it('keeps the place of what was handed out until it is acknowledged', () => {
    const queue = new LeaseQueue<string>(limits)
    for (const item of ['a', 'b', 'c']) queue.push(item, 10)
    const [a, b] = [queue.lease()!, queue.lease()!]
    assert.deepEqual([a.item, b.item, queue.length, queue.bytes, queue.pressed], ['a', 'b', 3, 30, true])
    queue.acknowledge(a)
    assert.deepEqual([queue.length, queue.pressed], [2, true])
    queue.acknowledge(b)
    assert.deepEqual([queue.length, queue.bytes, queue.pressed], [1, 10, false])
  })

  it('hands out again, first and in order, what was given back', () => {
    const queue = new LeaseQueue<string>(limits)
    for (const item of ['a', 'b', 'c']) queue.push(item, 1)
    const [a, b] = [queue.lease()!, queue.lease()!]
    queue.giveBack(b)
    queue.giveBack(a)
    const again = Array.from({ length: 4 }, () => queue.lease())
    assert.deepEqual(
      again.map((lease) => lease?.item),
      ['a', 'b', 'c', undefined]
    )
    assert.deepEqual(
      again.slice(0, 3).map((lease) => lease!.attempts),
      [2, 2, 1]
    )
  })

  it('is pressed by bytes at the same share of them', () => {
    const queue = new LeaseQueue<string>(limits)
    queue.push('large', 300)
    assert.equal(queue.pressed, true)
    queue.acknowledge(queue.lease()!)
    assert.equal(queue.pressed, false)
  })

  it('loses nothing over many pushes and leases', () => {
    const queue = new LeaseQueue<number>(limits)
    const got: number[] = []
    for (let i = 0; i < 1_000; i++) {
      queue.push(i, 1)
      if (i % 3 === 0) continue
      const lease = queue.lease()!
      got.push(lease.item)
      queue.acknowledge(lease)
    }
    for (let lease = queue.lease(); lease !== undefined; lease = queue.lease()) got.push(lease.item)
    assert.deepEqual(got, [...Array(1_000).keys()])
  })
})
