import assert from 'node:assert/strict'
import { TopicCache } from '../../../src/core/pubsub/cache.ts'
import { InterestTable, readChannels, readInterest } from '../../../src/core/pubsub/interest.ts'
import { chooseRoute, type Targets } from '../../../src/core/pubsub/route.ts'

const entry = (pattern: string, count = 1, linked = false) => ({
  pattern,
  delivery: 'at-most-once' as const,
  count,
  linked
})

describe('interest', () => {
  it('sums up the subscriptions of each peer over all patterns that match', () => {
    const table = new InterestTable(10)
    table.set('b', 'subscription/0', entry('orders.*', 2))
    table.set('b', 'subscription/1', entry('orders.>', 3, true))
    table.set('a', 'subscription/0', entry('orders.eu'))
    table.set('c', 'subscription/0', entry('alerts.>'))
    table.setChannels('b', new Set([7]))
    assert.deepEqual(table.match('orders.eu'), [
      { peer: 'a', subscribers: 1, linked: false, channels: new Set() },
      { peer: 'b', subscribers: 5, linked: true, channels: new Set([7]) }
    ])
    table.set('b', 'subscription/1', undefined)
    table.removePeer('a')
    assert.deepEqual(
      table.match('orders.eu').map(({ peer, subscribers }) => [peer, subscribers]),
      [['b', 2]]
    )
    table.removePeer('b')
    table.removePeer('c')
    assert.equal(table.patterns, 0)
  })

  it('keeps what a peer wants under one key when the same pattern is withdrawn under another', () => {
    const table = new InterestTable(10)
    table.set('a', '0', entry('x.*', 1))
    table.set('a', '1', entry('x.*', 2, true))
    table.set('a', '1', undefined)
    assert.deepEqual(table.match('x.y'), [{ peer: 'a', subscribers: 1, linked: false, channels: new Set() }])
    table.set('a', '0', undefined)
    assert.deepEqual([table.match('x.y'), table.patterns], [[], 0])
  })

  it('raises its generation with each change, bounds what one peer may announce', () => {
    const table = new InterestTable(2)
    const before = table.generation
    assert.ok(table.set('a', '0', entry('x')))
    assert.notEqual(table.generation, before)
    assert.ok(table.set('a', '1', entry('y')))
    assert.ok(!table.set('a', '2', entry('z')))
    assert.ok(table.set('a', '1', entry('y', 9)))
    assert.equal(table.patterns, 2)
  })

  it('reads only what makes sense', () => {
    assert.deepEqual(readInterest({ pattern: 'a.>', count: 2, delivery: 'at-most-once' }), entry('a.>', 2))
    assert.equal(readInterest({ pattern: 'a', count: 1, delivery: 'at-least-once' })?.delivery, 'at-least-once')
    assert.equal(readInterest({ pattern: 'a', count: 1, delivery: 'of later' })?.delivery, 'at-most-once')
    for (const value of [
      undefined,
      null,
      5,
      {},
      { pattern: 'a..b', count: 1 },
      { pattern: 'a', count: 0 },
      { pattern: 'a', count: 1.5 },
      { pattern: 'a', count: 1e9 }
    ]) {
      assert.equal(readInterest(value), undefined)
    }
    assert.deepEqual(readChannels([1, 63, 64, -1, 'x', 1]), new Set([1, 63]))
    assert.deepEqual(readChannels('x'), new Set())
  })
})

describe('route', () => {
  const intern = (peers: string[]): Targets => ({ peers })
  const peers = (count: number, settled: boolean, linked = false) =>
    Array.from({ length: count }, (_, i) => ({
      peer: `p${i}`,
      subscribers: 1,
      linked,
      channels: new Set(settled ? [3] : [])
    }))
  const limits = { directFanout: 10, calm: 0.5 }
  const choose = (interested: ReturnType<typeof peers>, before = false, partial = false) =>
    chooseRoute(interested, 3, before, partial, limits, intern)

  it('goes wide above the fan-out and returns only well below it', () => {
    assert.equal(choose(peers(10, true)).wide, false)
    assert.equal(choose(peers(11, true)).wide, true)
    assert.equal(choose(peers(6, true), true).wide, true)
    assert.equal(choose(peers(5, true), true).wide, false)
  })

  it('sends over links to whom the channel does not serve', () => {
    const interested = [
      ...peers(11, true),
      { peer: 'new', subscribers: 1, linked: false, channels: new Set<number>() },
      { peer: 'slow', subscribers: 1, linked: true, channels: new Set([3]) }
    ]
    const route = choose(interested)
    assert.deepEqual(route.linked.peers, ['new', 'slow'])
    assert.equal(route.gossiped.length, 11)
    assert.equal(route.subscribers, 13)
  })

  it('stays on links while those who listen cannot be served, and gossips while the view is partial', () => {
    assert.equal(choose(peers(40, false)).wide, false)
    assert.equal(choose(peers(2, false), false, true).wide, true)
  })
})

describe('topic cache', () => {
  it('forgets the oldest beyond its bound, and what is of another generation', () => {
    const cache = new TopicCache<number>(2)
    cache.set('a', 1, 10)
    cache.set('b', 1, 20)
    cache.set('c', 1, 30)
    assert.equal(cache.size, 2)
    assert.equal(cache.get('a', 1), undefined)
    assert.equal(cache.get('b', 1), 20)
    assert.equal(cache.get('b', 2), undefined)
    assert.equal(cache.stale('b'), 20)
  })
})
