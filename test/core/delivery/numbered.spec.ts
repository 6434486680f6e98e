import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Numbered, NumberedTable } from '../../../src/core/delivery/numbered.ts'

const numbers = fc.oneof(
  fc.nat(40),
  fc.nat(40).map((n) => n * 2 ** 28),
  fc.maxSafeNat()
)
const steps = fc.array(fc.record({ add: fc.boolean(), number: numbers }), { maxLength: 400 })

describe('what is open, by number', () => {
  it('holds what a Map would hold, whatever the numbers', () => {
    fc.assert(
      fc.property(fc.integer(), steps, (entropy, steps) => {
        const table = new NumberedTable<Numbered>(entropy)
        const model = new Map<number, Numbered>()
        for (const { add, number } of steps) {
          if (!add) {
            table.delete(number)
            model.delete(number)
          } else if (!model.has(number)) {
            const entry = { number }
            table.add(entry)
            model.set(number, entry)
          }
          assert.equal(table.size, model.size)
          assert.equal(table.get(number), model.get(number))
        }
        assert.deepEqual(new Set(table.values()), new Set(model.values()))
        for (const [number, entry] of model) assert.equal(table.get(number), entry)
      })
    )
  })
})
