import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Roster } from '../../../src/core/delivery/roster.ts'

describe('what is open, in no order', () => {
  it('holds what a Set would hold', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (picks) => {
        const members = Array.from({ length: 21 }, () => ({ place: -1 }))
        const roster = new Roster<{ place: number }>()
        const model = new Set<object>()
        for (const pick of picks) {
          const member = members[pick]!
          if (model.delete(member)) roster.delete(member)
          else {
            model.add(member)
            roster.add(member)
          }
          assert.deepEqual(new Set<object>(roster.values()), model)
        }
        roster.delete({ place: -1 })
        assert.equal(roster.values().length, model.size)
      })
    )
  })
})
