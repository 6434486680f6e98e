import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Ranges } from '../../../src/core/delivery/ranges.ts'

const number = fc.integer({ min: 1, max: 40 })
const steps = fc.array(fc.record({ deed: fc.constantFrom('add', 'add', 'add', 'delete', 'dropBelow'), number }), {
  maxLength: 120
})

function boundsOf(set: ReadonlySet<number>): number[] {
  const bounds: number[] = []
  for (const number of [...set].sort((a, b) => a - b)) {
    if (bounds.at(-1) === number - 1) bounds[bounds.length - 1] = number
    else bounds.push(number, number)
  }
  return bounds
}

describe('ranges', () => {
  it('are what a plain set of numbers is, in the fewest ranges', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const ranges = new Ranges()
        let naive = new Set<number>()
        for (const { deed, number } of list) {
          ranges[deed as 'add'](number)
          if (deed === 'add') naive.add(number)
          else if (deed === 'delete') naive.delete(number)
          else naive = new Set([...naive].filter((one) => one >= number))
          assert.deepEqual(ranges.bounds, boundsOf(naive))
          for (let one = 0; one <= 42; one++) assert.equal(ranges.has(one), naive.has(one), `${one}`)
        }
      }),
      { numRuns: 500 }
    )
  })

  it('of numbers in order are one range, however many came', () => {
    const ranges = new Ranges()
    for (let number = 1; number <= 100_000; number++) ranges.add(number)
    assert.deepEqual(ranges.bounds, [1, 100_000])
    assert.equal(ranges.count, 1)
    ranges.clear()
    assert.equal(ranges.count, 0)
  })
})
