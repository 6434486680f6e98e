import assert from 'node:assert/strict'
import { PageIndex } from '../../../src/core/delivery/page-index.ts'
import { seededDice } from '../../../src/testing/dice.ts'

describe('an index of pages', () => {
  it('finds each of many names on its page, and none on pages that were forgotten', () => {
    const { random } = seededDice('page-index')
    const index = new PageIndex()
    const names = Array.from({ length: 50_000 }, () => Math.floor(random() * 2 ** 48))
    for (const [i, name] of names.entries()) {
      index.add(name, i >> 10)
      // A quarter of all that ever was is remembered.
      if (i % 1_024 === 0) index.forgetBefore((i >> 10) - 12)
    }
    const first = (names.length >> 10) - 12
    for (const [i, name] of names.entries()) {
      assert.deepEqual(index.pagesOf(name), i >> 10 < first ? [] : [i >> 10])
    }
    assert(index.slots <= 65_536, `${index.slots} slots for at most 13,312 names`)
  })

  it('has two pages for a name that was written twice, and knows 0 and the largest', () => {
    const index = new PageIndex()
    for (const name of [0, 2 ** 48 - 1]) {
      index.add(name, 1)
      index.add(name, 2)
      index.add(name, 2)
      assert.deepEqual(index.pagesOf(name), [1, 2])
    }
    assert.deepEqual(index.pagesOf(1), [])
  })
})
