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
        for (const [what, pick] of steps) {
          const person = { name: name++, gone: false }
          if (what === 'push') {
            line.push(person)
            model.push(person)
          } else if (what === 'unshift') {
            line.unshift(person)
            model.unshift(person)
          } else if (what === 'shift') {
            assert.equal(line.shift(), model.shift())
          } else if (model.length > 0) {
            const [left] = model.splice(pick % model.length, 1)
            left!.gone = true
            line.forget()
          }
          assert.equal(line.length, model.length)
        }
        assert.deepEqual([...line], model)
      })
    )
  })
})
