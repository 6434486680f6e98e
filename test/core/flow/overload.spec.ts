import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { Overload } from '../../../src/core/flow/overload.ts'

const SETTINGS = { target: 100, interval: 500 }

/** What waits, each for the ms given, `every` ms; from `at` on for `ms`. */
function load(overload: Overload, at: number, ms: number, every: number, delay: () => number): void {
  for (let now = at; now < at + ms; now += every) overload.observe(delay(), now)
}

describe('overload', () => {
  it('sheds low first, then normal, and never what matters more', () => {
    const overload = new Overload(SETTINGS)
    load(overload, 0, 751, 50, () => 150)
    assert.equal(overload.level, 1)
    assert.deepEqual(
      (['low', 'normal', 'high', 'critical'] as const).map((priority) => overload.sheds(priority)),
      [true, false, false, false]
    )
    load(overload, 1_001, 10_000, 50, () => 10_000)
    assert.deepEqual(
      (['low', 'normal', undefined, 'high', 'critical'] as const).map((priority) => overload.sheds(priority)),
      [true, true, true, false, false]
    )
  })

  it('is no overload while the queue drains now and then, however long most wait', () => {
    const overload = new Overload(SETTINGS)
    let i = 0
    load(overload, 0, 60_000, 50, () => (i++ % 9 === 0 ? 0 : 5_000))
    assert.equal(overload.level, 0)
  })

  it('is over when it is over, step by step, and at once where nothing waits any more', () => {
    const overload = new Overload(SETTINGS)
    load(overload, 0, 5_000, 50, () => 1_000)
    assert.equal(overload.level, 2)
    load(overload, 5_000, 1_600, 50, () => 1)
    assert.equal(overload.level, 0)
    load(overload, 10_000, 5_000, 50, () => 1_000)
    assert.equal(overload.sheds('normal'), true)
    overload.observe(1, 60_000)
    assert.equal(overload.sheds('low'), false)
  })

  it('never sheds high or critical, and nothing at level 0, whatever is observed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3_000), fc.nat(2_000)), { maxLength: 200 }), (samples) => {
        const overload = new Overload(SETTINGS)
        let now = 0
        for (const [delay, ms] of samples) {
          now += ms
          overload.observe(delay, now)
          const { level } = overload
          assert.ok(level >= 0 && level <= 2)
          assert.equal(overload.sheds('high') || overload.sheds('critical'), false)
          if (level === 0) assert.equal(overload.sheds('low'), false)
          if (overload.sheds('normal')) assert.ok(overload.sheds('low'))
        }
      })
    )
  })
})
