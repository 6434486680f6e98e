import assert from 'node:assert/strict'
import fc from 'fast-check'
import { WaitingLine } from '../../../src/core/delivery/waiting-line.ts'

interface Person {
  name: number
  gone: boolean
}

describe('a waiting line', () => {
  it('is a queue whose members may go away, whatever is done to it', () => {
    const step = fc.tuple(fc.constantFrom('push', 'push', 'unshift', 'shift', 'leave', 'leave'), fc.nat(200))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const line = new WaitingLine<Person>()
        const model: Person[] = []
        let name = 0
        /** Nobody in it is gone: who is takes a place too, so that "behind so many" is not exact. */
        let whole = true
        for (const [what, pick] of steps) {
          const person = { name: name++, gone: false }
          if (what === 'push') {
            line.push(person)
            model.push(person)
          } else if (what === 'unshift') {
            const behind = whole ? pick % (model.length + 1) : 0
            line.unshift(person, behind)
            model.splice(behind, 0, person)
          } else if (what === 'shift') {
            const expected = model.shift()
            assert.equal(line.shift(), expected)
            if (expected === undefined) whole = true
          } else if (model.length > 0) {
            const [left] = model.splice(pick % model.length, 1)
            left!.gone = true
            line.forget()
            whole = false
          }
          assert.equal(line.length, model.length)
        }
        assert.deepEqual([...line], model)
      })
    )
  })
})
