import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Deliveries, type Delivery, MOST_RANGES } from '../../../src/core/delivery/deliveries.ts'

const EPOCH = 7

function fresh(): Deliveries<Delivery> {
  return new Deliveries(0x5eed)
}

function deliver(deliveries: Deliveries<Delivery>, number: number, floor: number, epoch = EPOCH): void {
  assert.equal(deliveries.begin({ epoch, number, floor }), 'new')
  const delivery = { epoch, number }
  deliveries.start(delivery)
  deliveries.done(delivery)
  deliveries.end(delivery)
}

/** What a sender and a receiver do, by lot: a number comes, or one that is under way ends in one of three ways. */
const steps = fc.array(
  fc.record({
    deed: fc.constantFrom('come', 'come', 'come', 'record', 'fail', 'refuse', 'settle', 'renew'),
    pick: fc.nat(1_000)
  }),
  { maxLength: 200 }
)

describe('deliveries of one host', () => {
  it('say of every number what a plain set of all that ever happened says', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const deliveries = fresh()
        let epoch = EPOCH
        let next = 1
        let settled = new Set<number>()
        let done = new Set<number>()
        let underWay = new Map<number, Delivery>()
        const floor = (): number => {
          let lowest = 1
          while (settled.has(lowest)) lowest++
          return lowest
        }
        for (const { deed, pick } of list) {
          const some = [...underWay.values()][pick % Math.max(1, underWay.size)]
          if (deed === 'come') {
            const unsettled = Array.from({ length: next - 1 }, (_, i) => i + 1).filter((one) => !settled.has(one))
            const number = unsettled[pick % (unsettled.length + 1)] ?? next++
            const verdict = deliveries.begin({ epoch, number, floor: Math.min(number, floor()) })
            assert.equal(verdict, underWay.has(number) ? 'under-way' : done.has(number) ? 'done' : 'new')
            if (verdict === 'new') {
              const delivery = { epoch, number }
              deliveries.start(delivery)
              underWay.set(number, delivery)
            }
          } else if (deed === 'settle') {
            const number = 1 + (pick % next)
            if (done.has(number)) settled.add(number)
          } else if (deed === 'renew' && pick % 20 === 0) {
            epoch++
            next = 1
            settled = new Set()
            done = new Set()
            underWay = new Map()
          } else if (some !== undefined) {
            if (deed === 'record' || deed === 'fail') deliveries.done(some)
            if (deed === 'fail') deliveries.undone(some)
            deliveries.end(some)
            underWay.delete(some.number)
            if (deed === 'record') done.add(some.number)
          }
          if (deliveries.epoch === epoch) assert.equal(deliveries.open, underWay.size)
        }
      }),
      { numRuns: 500 }
    )
  })

  it('are not answered as done while their record is on its way to disk', () => {
    const deliveries = fresh()
    const delivery = { epoch: EPOCH, number: 1 }
    deliveries.begin({ ...delivery, floor: 1 })
    deliveries.start(delivery)
    deliveries.done(delivery)
    assert.equal(deliveries.begin({ ...delivery, floor: 1 }), 'under-way')
    assert.equal(deliveries.underWay(1), delivery)
    deliveries.undone(delivery)
    deliveries.end(delivery)
    assert.equal(deliveries.begin({ ...delivery, floor: 1 }), 'new')
  })

  it('that are settled at the sender are done, and forgotten', () => {
    const deliveries = fresh()
    deliver(deliveries, 3, 1)
    assert.equal(deliveries.begin({ epoch: EPOCH, number: 5, floor: 5 }), 'new')
    assert.deepEqual(deliveries.bounds, [])
    for (const number of [1, 2, 3, 4]) assert.equal(deliveries.begin({ epoch: EPOCH, number, floor: 1 }), 'done')
  })

  it('of a lower epoch are fenced, and a higher one knows nothing of it', () => {
    const deliveries = fresh()
    deliver(deliveries, 1, 1)
    const old = { epoch: EPOCH, number: 2 }
    deliveries.begin({ ...old, floor: 1 })
    deliveries.start(old)
    deliver(deliveries, 1, 1, EPOCH + 1)
    assert.equal(deliveries.begin({ epoch: EPOCH, number: 1, floor: 1 }), 'fenced')
    assert.equal(deliveries.begin({ epoch: EPOCH, number: 9, floor: 1 }), 'fenced')
    // What was under way ends without a mark in a numbering that is not its own.
    deliveries.done(old)
    deliveries.end(old)
    assert.equal(deliveries.begin({ epoch: EPOCH + 1, number: 2, floor: 1 }), 'new')
  })

  it('take no more memory, however many were delivered', () => {
    const deliveries = fresh()
    for (let number = 1; number <= 100_000; number++) deliver(deliveries, number, Math.max(1, number - 256))
    assert.deepEqual(deliveries.bounds, [100_000 - 256, 100_000])
  })

  it('are refused where their gaps are too many, but for the one that closes gaps', () => {
    const deliveries = fresh()
    for (let i = 0; i < MOST_RANGES; i++) deliver(deliveries, 2 * i + 2, 1)
    assert.equal(deliveries.begin({ epoch: EPOCH, number: 2 * MOST_RANGES + 2, floor: 1 }), 'full')
    deliver(deliveries, 1, 1)
    deliver(deliveries, 3, 3)
    assert.equal(deliveries.begin({ epoch: EPOCH, number: 2 * MOST_RANGES + 2, floor: 3 }), 'new')
  })
})
