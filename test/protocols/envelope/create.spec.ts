import assert from 'node:assert/strict'
import { createMessage, type MessageAttributes } from '../../../protocols/envelope/create.ts'
import type { MeshError } from '../../../protocols/errors.ts'

describe('envelope: createMessage', () => {
  it('fills in what is left out', () => {
    const { id, ...message } = createMessage({ x: 1 }, {}, Date.UTC(2026, 0, 2, 3, 4, 5, 6))
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepStrictEqual(message, {
      specversion: '1.0',
      source: 'urn:phoenix:anonymous',
      type: 'phoenix.agent.message.send',
      time: '2026-01-02T03:04:05.006Z',
      data: { x: 1 },
      guarantee: { mode: 'at-least-once', ordering: 'causal' },
      routing: { priority: 'normal' },
      qos: { consistency: 'causal' }
    })
  })

  it('lets the caller win over the type, and leaves no undefined behind', () => {
    const message = createMessage(undefined, {
      type: 'phoenix.cluster.node.join',
      subject: undefined,
      guarantee: { ordering: 'none', mode: undefined as never, timeout: 5 },
      routing: { target: 'worker', priority: 'critical' },
      qos: { deadline: 7 }
    })
    assert.deepStrictEqual(message.guarantee, { mode: 'exactly-once', ordering: 'none', timeout: 5 })
    assert.deepStrictEqual(message.routing, { priority: 'critical', target: 'worker' })
    assert.deepStrictEqual(message.qos, { consistency: 'strong', deadline: 7 })
    assert.ok(!('subject' in message))
    assert.ok('data' in message)
  })

  it('keeps the data itself, whatever it is', () => {
    const data = new Map([[1, 2]])
    assert.equal(createMessage(data).data, data)
  })

  it('makes ids that rise', () => {
    const ids = Array.from({ length: 1_000 }, () => createMessage(1).id)
    assert.deepEqual(ids, ids.toSorted())
    assert.equal(new Set(ids).size, ids.length)
  })

  it('names the attribute that breaks a rule', () => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
    const bad: Record<string, Record<string, unknown>[]> = {
      id: [{ id: '' }, { id: 7 }],
      source: [{ source: '' }, { source: 'a b' }, { source: 'http://[::x]/' }, { source: '%zz' }, { source: '1:2' }],
      type: [{ type: '' }, { type: null }],
      subject: [{ subject: '' }],
      time: [{ time: '' }, { time: '2026-01-01' }, { time: '2026-02-30T00:00:00Z' }, { time: '2026-01-01T00:00:00' }],
      datacontenttype: [{ datacontenttype: '' }, { datacontenttype: 'json' }, { datacontenttype: 'a/b; c' }],
      dataschema: [{ dataschema: '' }, { dataschema: '/relative' }],
      trace: [{ trace: { traceparent: 'x' } }, { trace: {} }, { trace: { ...trace, tracestate: '!' } }],
      causality: [
        { causality: { clock: { a: -1 } } },
        { causality: { dependencies: { a: 1.5 } } },
        { causality: 1 },
        { causality: { clock: { constructor: 'x' } } }
      ],
      guarantee: [{ guarantee: { mode: 'maybe' } }, { guarantee: { maxRetries: -1 } }, { guarantee: { timeout: NaN } }],
      routing: [{ routing: { hops: 0.5 } }, { routing: { pattern: 'shout' } }, { routing: { target: 1 } }],
      security: [{ security: [] }, { security: { signature: 'text' } }, { security: { principal: 1 } }],
      qos: [{ qos: { deadline: Infinity } }, { qos: { latency: 'soon' } }],
      extensions: [{ extensions: { 'a-b': 1 } }, { extensions: { id: 'x' } }, { extensions: { x: 2 ** 40 } }],
      colour: [{ colour: 'red' }]
    }
    for (const [attribute, cases] of Object.entries(bad)) {
      for (const attributes of cases) {
        assert.throws(
          () => createMessage(1, attributes as MessageAttributes),
          (error: MeshError) => {
            assert.equal(error.code, 'ERR_INVALID_MESSAGE')
            assert.equal(error.details?.['attribute'], attribute, error.message)
            assert.ok(error.message.includes(attribute))
            return true
          },
          JSON.stringify(attributes)
        )
      }
    }
  })
})
