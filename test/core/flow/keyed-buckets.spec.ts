import assert from 'node:assert/strict'
import fc from 'fast-check'
import { KeyedBuckets } from '../../../src/core/flow/keyed-buckets.ts'

const definition = { capacity: 10, refillRate: 10, burst: 5 }

function whole(keys = 100): KeyedBuckets {
  const buckets = new KeyedBuckets(definition, keys, 0)
  buckets.reshare(1, 1)
  return buckets
}

describe('core/flow/keyed-buckets', () => {
  it('begins with the capacity, and collects the burst only when left alone', () => {
    const buckets = whole()
    assert.equal(buckets.level('a'), 10)
    assert.equal(buckets.take('a', 11), false)
    buckets.advance(300)
    assert.equal(buckets.level('a'), 13)
    buckets.advance(60_000)
    assert.equal(buckets.level('a'), 15)
    assert.equal(buckets.take('a', 15), true)
    assert.equal(buckets.wait('a', 15), 1_500)
    assert.equal(buckets.wait('a', 16), Number.POSITIVE_INFINITY)
    assert.equal(buckets.level('b'), 15, 'a key that never came is like one that nobody took from')
  })

  it('has as much as its share, and what a loss of share cuts off is lost', () => {
    const buckets = whole()
    assert.equal(buckets.take('a', 1), true)
    buckets.reshare(0.5)
    buckets.reshare(1)
    assert.equal(buckets.level('a'), 7.5)
    buckets.reshare(0)
    assert.equal(buckets.level('a'), 0)
    buckets.advance(1_000)
    assert.equal(buckets.take('a', 1), false)
    assert.equal(buckets.wait('a', 1), Number.POSITIVE_INFINITY)
  })

  it('lets a key go only when that gives nothing, and else has none for a new one', () => {
    const buckets = whole(2)
    for (const key of ['a', 'b']) assert.equal(buckets.take(key, 8), true)
    assert.equal(buckets.take('c', 1), false)
    assert.equal(buckets.size, 2)
    buckets.advance(10_000)
    assert.equal(buckets.take('c', 1), true)
    assert.equal(buckets.size, 2)
  })

  /** A plain bucket: its level, when it was that, and no cleverness. */
  it('is a plain bucket for each key, over any run of times, shares, keys and amounts', () => {
    const step = fc.record({
      after: fc.nat({ max: 3_000 }),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      tokens: fc.integer({ min: 1, max: 16 }),
      share: fc.option(fc.constantFrom(0, 0.25, 0.5, 1), { freq: 5 })
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, keys) => {
        const buckets = whole(keys)
        const plain = new Map(['a', 'b', 'c', 'd'].map((key) => [key, 10]))
        let now = 0
        let share = 1
        const grow = (seconds: number): void => {
          for (const [key, level] of plain) plain.set(key, Math.min(15 * share, level + seconds * 10 * share))
        }
        for (const { after, key, tokens, ...change } of steps) {
          now += after
          buckets.advance(now)
          grow(after / 1_000)
          if (change.share !== null) {
            share = change.share
            buckets.reshare(share)
            grow(0)
          }
          const most = plain.get(key)!
          assert.ok(buckets.level(key) <= most + 1e-6, `${key} holds ${buckets.level(key)}, and ${most} were right`)
          const taken = buckets.take(key, tokens)
          if (taken) plain.set(key, most - tokens)
          // With room for all keys it is exact; with less it may only give less.
          if (keys >= 4) assert.equal(taken, most + 1e-6 >= tokens)
          assert.ok(buckets.size <= keys)
        }
      })
    )
  })
})
