import assert from 'node:assert/strict'
import { LeaderSearch } from '../../../src/core/consensus/leader-search.ts'
import { seeded } from '../seeded.ts'

const MEMBERS = ['a', 'b', 'c', 'd']

function searchOf(self: string, alive: readonly string[] = MEMBERS): LeaderSearch {
  return new LeaderSearch({ self, members: MEMBERS, random: seeded(7), isAlive: (peer) => alive.includes(peer) })
}

describe('LeaderSearch', () => {
  it('asks itself first where it is a member, then each once, then pauses longer and longer', () => {
    const search = searchOf('c')
    assert.equal(search.target, 'c')
    let pauses = 0
    let last = 0
    for (let round = 0; round < 6; round++) {
      const asked = new Set<string>()
      for (let i = 0; i < MEMBERS.length; i++) {
        asked.add(search.target)
        const pause = search.refused(undefined)
        if (i < MEMBERS.length - 1) assert.equal(pause, 0)
        else {
          assert(pause >= 0.5 * Math.min(100, 25 * 2 ** round) && pause <= 100)
          assert(pause > last / 2)
          last = pause
          pauses++
        }
      }
      assert.deepEqual([...asked].sort(), MEMBERS)
    }
    assert.equal(pauses, 6)
  })

  it('goes where the leader is said to be, but not back to who has just refused', () => {
    const search = searchOf('x')
    const first = search.target
    const [named, other] = MEMBERS.filter((member) => member !== first) as [string, string]
    assert.equal(search.refused(named), 0)
    assert.equal(search.target, named)
    assert.equal(search.found, undefined)
    // It names the first, which knew of no leader but this one: whoever is left is asked.
    assert.equal(search.refused(first), 0)
    assert(![first, named].includes(search.target))
    search.hint(other)
    assert.equal(search.target, other)
    search.answered()
    assert.equal(search.found, other)
    assert.equal(search.hint(other), false)
    assert.equal(search.hint(first), true)
    assert.equal(search.found, undefined)
  })

  it('asks those that may be dead last', () => {
    const search = searchOf('x', ['b', 'd'])
    const order = MEMBERS.map(() => {
      const { target } = search
      search.refused(undefined)
      return target
    })
    assert.deepEqual(order.slice(0, 2).sort(), ['b', 'd'])
    assert.deepEqual(order.slice(2).sort(), ['a', 'c'])
  })

  it('passes over who is silent for a round, though others name it', () => {
    const search = searchOf('x')
    const dead = search.target
    assert.equal(search.silent(), 0)
    for (const round of [1, 2]) {
      while (search.refused(dead) === 0) assert.notEqual(search.target, dead, `round ${round}`)
      if (round === 1) assert.notEqual(search.target, dead)
    }
    // It may have been slow, and lead all the same.
    const targets = MEMBERS.map(() => {
      search.refused(dead)
      return search.target
    })
    assert(targets.includes(dead))
  })

  it('leaves who is no member any more', () => {
    const search = searchOf('c')
    search.changed(['a', 'b'])
    assert(['a', 'b'].includes(search.target))
    search.changed([])
    assert.deepEqual([...search.members], ['a', 'b'])
  })
})
