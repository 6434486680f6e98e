import assert from 'node:assert/strict'
import { HandOut } from '../../../src/runtime/causality/hand-out.ts'
import type { Ordered } from '../../../src/runtime/causality/ordered.ts'

describe('the handing out of what is in order', () => {
  function setUp() {
    const ends: (() => void)[] = []
    const out = new HandOut({ endOfTurn: (end) => void ends.push(end) })
    const told: string[] = []
    const item = (name: string, published = false): Ordered => ({
      published,
      hand: () => void told.push(name),
      late: () => void told.push(`${name}, late`),
      wait: () => void told.push(`${name} keeps its bytes`)
    })
    const turn = () => {
      for (const end of ends.splice(0)) end()
    }
    return { out, told, item, turn }
  }

  it('keeps messages behind the publications of their turn, and what came later behind those', () => {
    const { out, told, item, turn } = setUp()
    out.hand(item('first'), undefined, true)
    out.hand(item('news', true), undefined, true)
    out.hand(item('second'), undefined, true)
    out.hand(item('more', true), undefined, false)
    assert.deepEqual(told, ['first', 'news', 'second keeps its bytes'])
    turn()
    assert.deepEqual(told.slice(3), ['second', 'more'])
  })

  it('lets no late copy overtake what it is a copy of', () => {
    const { out, told, item, turn } = setUp()
    out.hand(item('news', true), undefined, true)
    out.hand(item('one'), undefined, false)
    out.hand(item('two'), undefined, false)
    out.late(item('two'))
    assert.deepEqual(told, ['news', 'two keeps its bytes'])
    turn()
    assert.deepEqual(told.slice(2), ['one', 'two', 'two, late'])
    out.late(item('three'))
    assert.equal(told.at(-1), 'three, late')
  })

  it('hands out all at once when it is stopped', () => {
    const { out, told, item } = setUp()
    out.hand(item('news', true), undefined, true)
    out.hand(item('one'), undefined, false)
    out.late(item('two'))
    out.stop()
    assert.deepEqual(told.slice(2), ['one', 'two, late'])
  })
})
