import assert from 'node:assert/strict'
import { agentOf, sourceOf } from '../../src/agent/source.ts'
import { DEFAULT_TYPE, laneOf, Templates } from '../../src/agent/templates.ts'
import type { SendOptions } from '../../src/agent/types.ts'

const templates = () =>
  new Templates('phoenix://peer/me', '0011223344556677', 'point-to-point', { deliveryTimeout: 5_000, maxRetries: 3 })

describe('what messages to one target have in common', () => {
  it('is what the caller says, then what the type implies, then the specification’s plain message', () => {
    const all = templates()
    const plain = all.for('worker', {})
    assert.deepEqual(
      [plain.attributes.type, plain.delivery, plain.lane, plain.timeout],
      [DEFAULT_TYPE, 'at-least-once', 'normal', 5_000]
    )
    assert.deepEqual(plain.policy, { strategy: 'exponential', maxRetries: 3 })
    const join = all.for('worker', { type: 'phoenix.cluster.node.join' })
    assert.deepEqual([join.lane, join.delivery], ['control', 'exactly-once'])
    const own = all.for('worker', { delivery: 'at-most-once', priority: 'low', maxRetries: 9, retryStrategy: 'fixed' })
    assert.deepEqual([own.lane, own.delivery], ['bulk', 'at-most-once'])
    assert.deepEqual(own.policy, { strategy: 'fixed', maxRetries: 9 })
  })

  it('is worked out once for equal options, and anew for each that differs', () => {
    const all = templates()
    const base: SendOptions = { type: 'a' }
    assert.equal(all.for('worker', base), all.for('worker', { type: 'a', timeout: 5, key: 'k' }))
    const different: SendOptions[] = [
      { type: 'b' },
      { type: 'a', delivery: 'at-most-once' },
      { type: 'a', priority: 'low' },
      { type: 'a', subject: 's' },
      { type: 'a', consistency: 'strong' },
      { type: 'a', maxRetries: 1 },
      { type: 'a', retryStrategy: 'linear' },
      { type: 'a', datacontenttype: 'application/json' },
      { type: 'a', dataschema: 'https://example.com/s' }
    ]
    const seen = new Set([all.for('worker', base), all.for('other', base)])
    for (const options of different) seen.add(all.for('worker', options))
    assert.equal(seen.size, 2 + different.length)
  })

  it('is worked out once for equal targets, and anew for each that differs', () => {
    const all = templates()
    assert.equal(all.for({ name: 'worker' }, {}), all.for('worker', {}))
    const there = { name: 'worker', peer: { toString: () => 'p' }, instance: 'i' }
    assert.equal(all.for(there, {}), all.for({ name: 'worker', peer: 'p', instance: 'i' }, {}))
    const different = [
      { name: 'worker', peer: 'p' },
      { name: 'worker', instance: 'i' },
      { name: 'worker', instance: 'p' },
      { name: 'worker","p', peer: 'i' },
      { name: 'other', peer: 'p', instance: 'i' }
    ]
    const seen = new Set([all.for(there, {}), all.for(there, { type: 'a' })])
    for (const target of different) seen.add(all.for(target, {}))
    assert.equal(seen.size, 2 + different.length)
  })

  it('does not change with the object that its options came in', () => {
    const all = templates()
    const options: SendOptions = { type: 'a' }
    const first = all.for('worker', options)
    options.type = 'b'
    assert.notEqual(all.for('worker', options), first)
    assert.equal(all.for('worker', { type: 'a' }), first)
  })

  it('is kept for few of many names and options', () => {
    const all = templates()
    const first = all.for('worker', { subject: '0' })
    for (let i = 1; i <= 32; i++) all.for('worker', { subject: `${i}` })
    assert.notEqual(all.for('worker', { subject: '0' }), first)
    const named = all.for('name-0', {})
    for (let i = 1; i <= 16_384; i++) all.for(`name-${i}`, {})
    assert.notEqual(all.for('name-0', {}), named)
  })

  it('names the peer and the instance where the target does', () => {
    const { attributes, peer, instance } = templates().for(
      { name: 'worker', peer: { toString: () => 'p' }, instance: 'i' },
      {}
    )
    assert.deepEqual([peer, instance], ['p', 'i'])
    assert.deepEqual(
      [attributes.routing?.peer, attributes.routing?.instance, attributes.routing?.target],
      ['p', 'i', 'worker']
    )
  })

  it('has a lane for each priority', () => {
    assert.deepEqual((['low', 'normal', 'high', 'critical'] as const).map(laneOf), [
      'bulk',
      'normal',
      'control',
      'control'
    ])
  })
})

describe('an agent as a source', () => {
  it('comes back whatever its name is', () => {
    for (const name of ['worker', 'a/b', 'mit Leerzeichen', '100%', '名前']) {
      assert.equal(agentOf(sourceOf('12D3', name)), name)
    }
    assert.equal(agentOf('https://example.com/x'), 'https://example.com/x')
    assert.equal(agentOf('phoenix://p/%zz'), '%zz')
  })
})
