import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatId } from '../../../protocols/envelope/id.ts'
import { Delivered } from '../../../src/core/replicated/delivered.ts'
import { MOST_TEXTS } from '../../../src/core/replicated/delivery-source.ts'

function restored(delivered: Delivered): Delivered {
  const copy = new Delivered()
  copy.restore(structuredClone(delivered.toData()))
  return copy
}

describe('the set of what was delivered', () => {
  it('never takes for new what was delivered, and never for delivered what was not', () => {
    const place = fc
      .tuple(fc.nat(30), fc.nat(2), fc.constantFrom('a0123456789', 'b0123456789'))
      .map(([n, page, lineage]) => {
        return `s://a ${formatId(page * 2 ** 21, (n + 0xfffffff0) >>> 0, lineage)}`
      })
    fc.assert(
      fc.property(fc.array(fc.tuple(place, fc.boolean())), (steps) => {
        let delivered = new Delivered()
        const expected = new Set<string>()
        for (const [i, [what, restarts]] of steps.entries()) {
          assert.equal(delivered.has(what), expected.has(what))
          if (!expected.has(what)) delivered.add(what, i + 1)
          expected.add(what)
          if (restarts) delivered = restored(delivered)
        }
        for (const what of expected) assert.equal(delivered.has(what), true)
      })
    )
  })

  it('forgets the source of which nothing was recorded for longest, where there are too many', () => {
    let delivered = new Delivered()
    let index = 0
    const add = (what: string) => delivered.add(what, ++index)
    for (let i = 0; i < 65_536; i++) add(`s${i} a`)
    add('s0 b')
    delivered = restored(delivered)
    add('one more')
    const known = ['s0 a', 's0 b', 's1 a', 's2 a', 'one more'].map((what) => delivered.has(what))
    assert.deepEqual(known, [true, true, false, true, true])
  })

  it('forgets the source of which nothing was recorded for longest, where it has recorded too much', () => {
    let delivered = new Delivered()
    let index = 0
    const fill = (source: string) => {
      for (let i = 0; i < MOST_TEXTS; i++) delivered.add(`${source} ${i}`, ++index)
    }
    const most = 262_144 / MOST_TEXTS
    for (let i = 0; i < most; i++) fill(`s${i}`)
    delivered = restored(delivered)
    assert.equal(delivered.has('s0 0'), true)
    fill('more')
    assert.deepEqual([delivered.has('s0 0'), delivered.has('s1 0'), delivered.has('more 0')], [false, true, true])
    // What was forgotten counts no longer.
    fill('s0')
    assert.deepEqual([delivered.has('s1 0'), delivered.has('s2 0'), delivered.has('s0 0')], [false, true, true])
  })
})
