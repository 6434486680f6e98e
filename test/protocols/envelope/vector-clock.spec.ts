import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Comparison, type VectorClock, vectorClock } from '../../../protocols/envelope/vector-clock.ts'

const PRODUCERS = ['a', 'b', 'c', '__proto__', 'constructor']
const counters = fc.uniqueArray(fc.tuple(fc.constantFrom(...PRODUCERS), fc.nat(3)), { selector: ([name]) => name })
const clock = counters.map((entries) => vectorClock(Object.fromEntries(entries)))

/** The definition, word for word: every counter at most the other's, and one smaller. */
function naive(one: VectorClock, other: VectorClock): Comparison {
  const atMost = PRODUCERS.every((name) => one.get(name) <= other.get(name))
  const atLeast = PRODUCERS.every((name) => one.get(name) >= other.get(name))
  return atMost && atLeast ? 'equal' : atMost ? 'before' : atLeast ? 'after' : 'concurrent'
}

const same = (one: VectorClock, other: VectorClock) => assert.deepEqual(sorted(one), sorted(other))
const sorted = (value: VectorClock) => Object.entries(value.toRecord()).sort()

describe('envelope: vector clocks', () => {
  it('compare as the definition says', () => {
    fc.assert(fc.property(clock, clock, (a, b) => assert.equal(a.compare(b), naive(a, b))))
  })

  it('compare is antisymmetric', () => {
    const mirror = { before: 'after', after: 'before', equal: 'equal', concurrent: 'concurrent' }
    fc.assert(fc.property(clock, clock, (a, b) => assert.equal(b.compare(a), mirror[a.compare(b)])))
  })

  it('merge is commutative, associative and idempotent', () => {
    fc.assert(fc.property(clock, clock, (a, b) => same(a.merge(b), b.merge(a))))
    fc.assert(fc.property(clock, clock, clock, (a, b, c) => same(a.merge(b).merge(c), a.merge(b.merge(c)))))
    fc.assert(fc.property(clock, (a) => same(a.merge(vectorClock(a.toRecord())), a)))
  })

  it('merge is the least clock that covers both', () => {
    fc.assert(
      fc.property(clock, clock, clock, (a, b, c) => {
        const both = a.merge(b)
        for (const one of [a, b]) assert.ok(['before', 'equal'].includes(one.compare(both)))
        const covers = [a, b].every((one) => ['before', 'equal'].includes(one.compare(c)))
        if (covers) assert.ok(['before', 'equal'].includes(both.compare(c)))
      })
    )
  })

  it('tick comes after, and two ticks of different producers are concurrent', () => {
    fc.assert(fc.property(clock, fc.constantFrom(...PRODUCERS), (a, name) => a.compare(a.tick(name)) === 'before'))
    fc.assert(fc.property(clock, (a) => a.tick('a').compare(a.tick('b')) === 'concurrent'))
  })

  it('prune keeps what it is told to, and never comes after the whole', () => {
    fc.assert(
      fc.property(clock, fc.subarray(PRODUCERS), (a, kept) => {
        const pruned = a.prune((name) => kept.includes(name))
        for (const name of PRODUCERS) assert.equal(pruned.get(name), kept.includes(name) ? a.get(name) : 0)
        assert.ok(['before', 'equal'].includes(pruned.compare(a)))
      })
    )
    assert.deepEqual(
      vectorClock({ a: 1, b: 9 })
        .prune((_, counter) => counter > 1)
        .toRecord(),
      { b: 9 }
    )
  })

  it('is a value: nothing changes it', () => {
    const record = { a: 1 }
    const value = vectorClock(record)
    record.a = 7
    value.tick('a')
    value.merge(vectorClock({ b: 2 }))
    value.prune(() => false)
    value.toRecord()['a'] = 9
    assert.equal(JSON.stringify(value), '{"a":1}')
    assert.equal(value.size, 1)
  })

  it('comes back from its record, without zeros', () => {
    fc.assert(fc.property(clock, (a) => same(vectorClock(a.toRecord()), a)))
    assert.equal(vectorClock({ a: 0 }).size, 0)
    assert.equal(vectorClock({ a: 0 }).compare(vectorClock()), 'equal')
  })

  it('refuses what counts nothing, and the end of counting', () => {
    for (const bad of [-1, 0.5, NaN, Infinity, 2 ** 53, '1' as never]) {
      assert.throws(() => vectorClock({ a: bad }), { code: 'ERR_INVALID_MESSAGE' })
    }
    assert.throws(() => vectorClock({ a: Number.MAX_SAFE_INTEGER }).tick('a'), { code: 'ERR_LIMIT' })
  })
})
