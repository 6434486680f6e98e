import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BoundedQueue, type Overflow } from '../../../src/core/flow/queue.ts'
import type { QueueLimits } from '../../../src/core/flow/watermarks.ts'

interface Item {
  id: number
  bytes: number
}

/** The queue as a plain list: what it means, without how it is done. */
class Model {
  items: Item[] = []
  dropped: number[] = []
  pressed = false
  readonly limits: QueueLimits
  readonly overflow: Overflow

  constructor(limits: QueueLimits, overflow: Overflow) {
    this.limits = limits
    this.overflow = overflow
  }

  get bytes() {
    return this.items.reduce((total, item) => total + item.bytes, 0)
  }

  push(item: Item): boolean {
    const { maxQueue, highWatermark } = this.limits
    const fits = () =>
      this.items.length === 0 || (this.items.length < maxQueue.messages && this.bytes + item.bytes <= maxQueue.bytes)
    if (!fits() && this.overflow !== 'drop-oldest') {
      if (this.overflow === 'drop-newest') this.dropped.push(item.id)
      return false
    }
    while (!fits()) this.dropped.push(this.shift()!.id)
    this.items.push(item)
    const share = highWatermark / maxQueue.messages
    if (this.items.length >= highWatermark || this.bytes >= maxQueue.bytes * share) this.pressed = true
    return true
  }

  shift(): Item | undefined {
    const item = this.items.shift()
    const { maxQueue, lowWatermark } = this.limits
    if (item === undefined) return undefined
    if (this.items.length <= lowWatermark && this.bytes <= maxQueue.bytes * (lowWatermark / maxQueue.messages)) {
      this.pressed = false
    }
    return item
  }
}

const limits = fc
  .record({ messages: fc.integer({ min: 2, max: 600 }), bytes: fc.integer({ min: 100, max: 4_000 }) })
  .map((max) => ({
    maxQueue: max,
    highWatermark: Math.ceil(max.messages / 2),
    lowWatermark: Math.floor(max.messages / 4)
  }))

describe('bounded queue', () => {
  for (const overflow of ['drop-oldest', 'drop-newest', 'reject'] as const) {
    it(`does what its model does: ${overflow}`, () => {
      const step = fc.oneof(
        { weight: 3, arbitrary: fc.integer({ min: 0, max: 150 }) },
        { weight: 2, arbitrary: fc.constant(-1) }
      )
      fc.assert(
        fc.property(limits, fc.array(step, { maxLength: 900, size: 'max' }), (limits, steps) => {
          const model = new Model(limits, overflow)
          const dropped: number[] = []
          const queue = new BoundedQueue<Item>(limits, overflow, (item) => dropped.push(item.id))
          for (const [id, bytes] of steps.entries()) {
            if (bytes < 0) assert.equal(queue.shift()?.id, model.shift()?.id)
            else assert.equal(queue.push({ id, bytes }, bytes), model.push({ id, bytes }))
            assert.equal(queue.length, model.items.length)
            assert.equal(queue.bytes, model.bytes)
            assert.equal(queue.pressed, model.pressed)
            assert.ok(queue.length <= limits.maxQueue.messages)
            assert.ok(queue.bytes <= limits.maxQueue.bytes || queue.length === 1)
          }
          assert.deepEqual(dropped, model.dropped)
        }),
        { numRuns: 200 }
      )
    })
  }

  it('takes one item larger than its bound when it is empty', () => {
    const limits = { highWatermark: 2, lowWatermark: 1, maxQueue: { messages: 4, bytes: 100 } }
    for (const overflow of ['drop-oldest', 'drop-newest', 'reject'] as const) {
      const queue = new BoundedQueue<string>(limits, overflow, () => assert.fail('dropped'))
      assert.ok(queue.push('large', 5_000))
      assert.ok(queue.pressed)
      assert.equal(queue.shift(), 'large')
      assert.ok(!queue.pressed)
    }
  })

  it('stays pressed between the watermarks', () => {
    const limits = { highWatermark: 6, lowWatermark: 2, maxQueue: { messages: 10, bytes: 1_000 } }
    const queue = new BoundedQueue<number>(limits, 'reject', () => {})
    const seen: boolean[] = []
    for (let i = 0; i < 6; i++) {
      queue.push(i, 1)
      seen.push(queue.pressed)
    }
    for (let i = 0; i < 5; i++) {
      queue.shift()
      seen.push(queue.pressed)
    }
    assert.deepEqual(seen, [false, false, false, false, false, true, true, true, true, false, false])
  })
})
