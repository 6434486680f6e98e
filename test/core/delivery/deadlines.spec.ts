import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Deadlines, type Due } from '../../../src/core/delivery/deadlines.ts'

type Step = { do: 'add'; at: number } | { do: 'remove'; pick: number } | { do: 'take'; now: number }

const step = fc.oneof<fc.Arbitrary<Step>[]>(
  fc.record({ do: fc.constant('add' as const), at: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ do: fc.constant('remove' as const), pick: fc.nat(100) }),
  fc.record({ do: fc.constant('take' as const), now: fc.integer({ min: 0, max: 50 }) })
)

describe('deadlines', () => {
  it('give what a sorted list would, whatever is added, removed and taken', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new Deadlines<Due>()
        const all: Due[] = []
        const held = new Set<Due>()
        const earliest = (): number => Math.min(Number.POSITIVE_INFINITY, ...Array.from(held, ({ at }) => at))
        for (const action of steps) {
          if (action.do === 'add') {
            const item = { at: action.at, slot: -1 }
            all.push(item)
            held.add(item)
            heap.add(item)
          } else if (action.do === 'remove' && all.length > 0) {
            // Also what left long ago: removing it again changes nothing.
            const item = all[action.pick % all.length]!
            heap.remove(item)
            held.delete(item)
            assert.equal(item.slot, -1)
          } else if (action.do === 'take') {
            const expected = earliest()
            const item = heap.take(action.now)
            assert.equal(item?.at, expected <= action.now ? expected : undefined)
            if (item !== undefined) assert.ok(held.delete(item))
          }
          assert.equal(heap.size, held.size)
          assert.equal(heap.next, earliest())
        }
      })
    )
  })
})
