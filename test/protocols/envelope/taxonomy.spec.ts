import assert from 'node:assert/strict'
import type { Characteristics } from '../../../protocols/envelope/message.ts'
import { characteristicsOf, messageTypes } from '../../../protocols/envelope/taxonomy.ts'

const PLAIN: Characteristics = {
  priority: 'normal',
  consistency: 'eventual',
  ordering: 'none',
  delivery: 'at-least-once'
}

describe('envelope: message types', () => {
  it('knows the whole taxonomy of the specification', () => {
    assert.equal(messageTypes.controlPlane.length, 7)
    assert.equal(messageTypes.dataPlane.length, 6)
    assert.equal(messageTypes.observability.length, 5)
    const planes: [readonly string[], Characteristics][] = [
      [
        messageTypes.controlPlane,
        { priority: 'high', consistency: 'strong', ordering: 'total', delivery: 'exactly-once' }
      ],
      [
        messageTypes.dataPlane,
        { priority: 'normal', consistency: 'causal', ordering: 'causal', delivery: 'at-least-once' }
      ],
      [
        messageTypes.observability,
        { priority: 'low', consistency: 'eventual', ordering: 'none', delivery: 'at-most-once' }
      ]
    ]
    for (const [types, expected] of planes)
      for (const type of types) assert.deepEqual(characteristicsOf(type), expected)
    assert.ok(messageTypes.controlPlane.includes('phoenix.agent.migration.complete'))
    assert.ok(messageTypes.dataPlane.includes('phoenix.agent.heartbeat.ping'))
    assert.ok(messageTypes.observability.includes('phoenix.performance.measurement'))
  })

  it('takes a type that nobody registered for a plain one', () => {
    for (const type of ['com.example.unheard', '', 'constructor']) assert.deepEqual(characteristicsOf(type), PLAIN)
  })

  it('registers a type once, and again only with the same characteristics', () => {
    const own: Characteristics = { ...PLAIN, priority: 'critical' }
    messageTypes.register('com.example.registered', own)
    own.priority = 'low'
    assert.equal(characteristicsOf('com.example.registered').priority, 'critical')
    messageTypes.register('com.example.registered', { ...PLAIN, priority: 'critical' })
    assert.throws(() => messageTypes.register('com.example.registered', PLAIN), { code: 'ERR_ALREADY_REGISTERED' })
    assert.throws(() => messageTypes.register('phoenix.cluster.node.join', PLAIN), { code: 'ERR_ALREADY_REGISTERED' })
    messageTypes.register('phoenix.telemetry.log.entry', characteristicsOf('phoenix.telemetry.log.entry'))
  })

  it('refuses characteristics that are none', () => {
    const bad: [string, unknown][] = [
      ['', PLAIN],
      ['t', undefined],
      ['t', null],
      ['t', { ...PLAIN, priority: 'urgent' }],
      ['t', { ...PLAIN, delivery: undefined }],
      ['t', { ...PLAIN, colour: 'red' }]
    ]
    for (const [type, value] of bad) {
      assert.throws(() => messageTypes.register(type, value as Characteristics), { code: 'ERR_CONFIG' })
    }
    assert.deepEqual(characteristicsOf('t'), PLAIN)
  })

  it('cannot be changed from outside', () => {
    assert.throws(() => (messageTypes.controlPlane as string[]).push('x'), TypeError)
    assert.throws(() => Object.assign(characteristicsOf('phoenix.cluster.node.join'), { priority: 'low' }), TypeError)
  })
})
