import assert from 'node:assert/strict'
import { CloudEvent } from 'cloudevents'
import fc from 'fast-check'
import { fromCloudEvent, toCloudEvent } from '../../../protocols/envelope/cloudevents.ts'
import { createMessage } from '../../../protocols/envelope/create.ts'
import type { Message } from '../../../protocols/envelope/message.ts'
import { message } from './arbitraries.ts'

const strict = (event: object) => new CloudEvent(event as never, true)
const plain = { specversion: '1.0', id: '1', source: '/a', type: 't', time: '2026-01-01T00:00:00Z' }

describe('envelope: CloudEvents', () => {
  it('gives what the SDK accepts strictly, and comes back equal by every way', () => {
    fc.assert(
      fc.property(message, (original) => {
        const event = toCloudEvent(original)
        assert.deepStrictEqual(fromCloudEvent(event), original)
        assert.deepStrictEqual(fromCloudEvent(strict(event)), original)
        assert.deepStrictEqual(fromCloudEvent(JSON.parse(JSON.stringify(event))), original)
      }),
      { numRuns: 1_000 }
    )
  })

  it('names extensions in a-z and 0-9 only, and the trace as the standard does', () => {
    const full = createMessage(1, {
      trace: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=1' },
      causality: { clock: { a: 1 } },
      security: { principal: 'p' }
    })
    const event = toCloudEvent(full)
    for (const name of Object.keys(event)) assert.match(name, /^[a-z0-9]{1,20}$/)
    assert.equal(event['traceparent'], full.trace?.traceparent)
    assert.equal(event['tracestate'], 'a=1')
    assert.equal(event['phoenixcausality'], '{"clock":{"a":1}}')
  })

  it('leaves JSON data as it is, and says so where it could not', () => {
    const set = toCloudEvent(createMessage({ $ref: '#/a' }))
    assert.deepEqual([set.data, set['phoenixdata']], [{ $ref: '#/a' }, undefined])
    const tagged = toCloudEvent(createMessage({ at: new Date(0) }))
    assert.deepEqual([tagged.data, tagged['phoenixdata']], [{ at: { $date: '1970-01-01T00:00:00.000Z' } }, 'tagged'])
    const bytes = toCloudEvent(createMessage(new Uint8Array([1, 2])))
    assert.deepEqual([bytes.data, bytes.data_base64], [undefined, 'AQI='])
  })

  it('takes no other system’s object for a tag', () => {
    assert.deepEqual(fromCloudEvent({ ...plain, data: { $set: { a: 1 } } }).data, { $set: { a: 1 } })
  })

  it('does not change the event that it reads', () => {
    const event = { ...plain, phoenixdata: 'tagged', data: { a: { $set: [1] } } }
    assert.deepEqual(fromCloudEvent(event).data, { a: new Set([1]) })
    assert.deepEqual(event.data, { a: { $set: [1] } })
  })

  it('takes events of other systems', () => {
    const foreign = {
      ...plain,
      datacontenttype: 'application/json; charset=UTF-8',
      partitionkey: 'k',
      sampledrate: 5,
      flag: true
    }
    const event = fromCloudEvent({ ...foreign, data: { a: 1 }, subject: null, traceparent: 'garbage' })
    const { specversion, id, source, type, time, datacontenttype } = foreign
    assert.deepStrictEqual(event, {
      ...{ specversion, id, source, type, time, datacontenttype },
      data: { a: 1 },
      extensions: { partitionkey: 'k', sampledrate: 5, flag: true }
    } as Message)
    strict(toCloudEvent(event))
    assert.equal(fromCloudEvent({ ...plain, time: undefined }, 0).time, '1970-01-01T00:00:00.000Z')
    assert.deepEqual(fromCloudEvent({ ...plain, data_base64: 'AQI=' }).data, new Uint8Array([1, 2]))
    assert.deepEqual(fromCloudEvent({ ...plain, when: new Date(0), raw: new Uint8Array([1, 2]) }).extensions, {
      when: '1970-01-01T00:00:00.000Z',
      raw: 'AQI='
    })
    assert.equal(fromCloudEvent({ ...plain, data: null }).data, null)
    assert.equal(fromCloudEvent(plain).data, undefined)
  })

  it('refuses what is no CloudEvent 1.0, naming the attribute', () => {
    const bad: [string, object][] = [
      ['specversion', { specversion: '1.0.2' }],
      ['specversion', { specversion: '0.3' }],
      ['specversion', { specversion: undefined }],
      ['id', { id: '' }],
      ['source', { source: 'a b' }],
      ['type', { type: undefined }],
      ['time', { time: 'yesterday' }],
      ['data_base64', { data_base64: '!' }],
      ['data_base64', { data_base64: 'AQI=', data: 1 }],
      ['phoenixrouting', { phoenixrouting: '{' }],
      ['phoenixrouting', { phoenixrouting: 7 }],
      ['routing', { phoenixrouting: '{"hops":-1}' }],
      ['phoenixdata', { phoenixdata: 'tagged', data: { $set: 1 } }],
      ['schemaurl', { schemaurl: 'http://example.com' }],
      ['phoenix_trace', { phoenix_trace: 'x' }],
      ['extensions', { other: { nested: true } }],
      ['extensions', { constructor: { nested: true } }],
      ['data', { data: JSON.parse('['.repeat(400) + ']'.repeat(400)) }]
    ]
    for (const [attribute, change] of bad) {
      assert.throws(() => fromCloudEvent({ ...plain, ...change }), {
        code: 'ERR_INVALID_MESSAGE',
        details: { attribute }
      })
    }
    assert.throws(() => fromCloudEvent(null as never), { code: 'ERR_INVALID_MESSAGE' })
  })
})
