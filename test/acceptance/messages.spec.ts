import assert from 'node:assert/strict'
import { CloudEvent } from 'cloudevents'
import {
  type Agent,
  createMessage,
  decode,
  encode,
  fromCloudEvent,
  type MeshError,
  type Message,
  messageTypes,
  toCloudEvent
} from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { until } from '../kit/until.ts'

describe('the API, “A message”', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object]>
  let sender: Agent
  const got: Message[] = []

  before(async () => {
    mesh = await meshOf({}, {})
    const [a, b] = mesh.nodes
    const receive = (message: Message) => void got.push(message)
    const handle = { echo: ({ data }: Message) => data }
    sender = await a.agent('sender')
    await Promise.all([a.agent('near', { receive, handle }), b.agent('far', { receive, handle })])
  })
  beforeEach(() => void got.splice(0))
  after(() => mesh[Symbol.asyncDispose]())

  const data = {
    undefined: undefined,
    inside: [undefined, { undefined }],
    bigint: 2n ** 70n,
    map: new Map<unknown, unknown>([[{ key: 1 }, new Set([1n, new Date(5)])]]),
    bytes: Uint8Array.of(0, 255),
    numbers: [Number.NaN, Number.NEGATIVE_INFINITY, -0, 1.5, Number.MAX_SAFE_INTEGER],
    text: 'ü😀'
  }

  for (const name of ['near', 'far']) {
    it(`one that was received (${name}) is encoded, decoded and made a CloudEvent like any other, losing nothing`, async () => {
      await sender.send(name, data, { subject: 's', key: 'k', ttl: 60_000, id: 'mine', delivery: 'at-least-once' })
      const reply = await sender.request(name, data, { type: 'echo' })
      for (const message of [got[0]!, reply]) {
        assert.deepEqual(message.data, data)
        const plain = decode(encode(message, 'messagepack'), 'messagepack')
        assert.deepEqual(plain.data, data)
        assert.deepEqual(decode(encode(message, 'json'), 'json'), plain)
        const event = toCloudEvent(message)
        assert.deepEqual(
          fromCloudEvent(new CloudEvent(event as ConstructorParameters<typeof CloudEvent>[0], true)),
          plain
        )
        const { id, source, type, time, trace, routing, qos } = message
        const { id: i, source: s, type: t, time: w, trace: r, routing: o, qos: q } = plain
        assert.deepEqual([id, source, type, time, trace, routing, qos], [i, s, t, w, r, o, q])
      }
      assert.deepEqual([got[0]!.id, got[0]!.routing?.key, got[0]!.subject], ['mine', 'k', 's'])
    })

    it(`a reply (${name}) refers to its request and goes on in its trace`, async () => {
      await sender.send(name, 1, { delivery: 'at-least-once' })
      const { type, source, routing, trace } = await sender.request(name, 1, { type: 'echo', id: 'asked' })
      assert.deepEqual([type, routing?.correlation], ['echo.reply', 'asked'])
      assert.match(source, new RegExp(`/${name}$`))
      assert.match(trace!.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
    })

    it(`what the wire cannot carry is refused at once, wherever the receiver lives (${name})`, async () => {
      const long = 'x'.repeat(20_000)
      for (const [options, code] of [
        [{ type: long }, 'ERR_MESSAGE_TOO_LARGE'],
        [{ subject: long }, 'ERR_MESSAGE_TOO_LARGE'],
        [{ subject: '\ud800' }, 'ERR_UNREPRESENTABLE'],
        [{ subject: 5 as never }, 'ERR_INVALID_MESSAGE'],
        [{ dataschema: 'no uri' }, 'ERR_INVALID_MESSAGE']
      ] as const) {
        await assert.rejects(sender.send(name, 1, { delivery: 'at-least-once', ...options }), { code })
        await assert.rejects(sender.request(name, 1, { ...options, timeout: 1_000 }), { code })
      }
      await assert.rejects(sender.send(name, { a: [() => 1] }), ({ code, details }: MeshError) => {
        return code === 'ERR_UNREPRESENTABLE' && details?.['path'] === '$.a[0]'
      })
      assert.equal((await sender.send(name, 1, { delivery: 'at-least-once' })).attempts, 1)
    })
  }

  it('“what the caller leaves out, the message’s type decides”, a type that was registered here included', async () => {
    const type = 'acceptance.alarm'
    messageTypes.register(type, {
      priority: 'critical',
      consistency: 'strong',
      ordering: 'none',
      delivery: 'at-most-once'
    })
    assert.equal((await sender.send('far', 1, { type })).status, 'sent')
    assert.equal(
      (await sender.send('far', 2, { type, delivery: 'at-least-once', priority: 'low' })).status,
      'delivered'
    )
    assert.equal((await sender.send('far', 3, { type: 'nobody.registered' })).status, 'delivered')
    await until('all three', () => got.length === 3)
    const said = got
      .toSorted((x, y) => Number(x.data) - Number(y.data))
      .map(({ guarantee, routing, qos }) => [guarantee?.mode, routing?.priority, qos?.consistency])
    assert.deepEqual(said, [
      ['at-most-once', 'critical', 'strong'],
      ['at-least-once', 'low', 'strong'],
      ['at-least-once', 'normal', 'eventual']
    ])
  })

  it('what is no message at all is ERR_INVALID_MESSAGE, what is no bytes ERR_MALFORMED', () => {
    for (const none of [null, undefined, 5, 'text', {}, []] as never[]) {
      assert.throws(() => encode(none, 'json'), { code: 'ERR_INVALID_MESSAGE' })
      assert.throws(() => encode(none, 'messagepack'), { code: 'ERR_INVALID_MESSAGE' })
      assert.throws(() => toCloudEvent(none), { code: 'ERR_INVALID_MESSAGE' })
      assert.throws(() => decode(none, 'json'), { code: 'ERR_MALFORMED' })
    }
    assert.throws(() => encode(createMessage(1), 'protobuf'), { code: 'ERR_UNSUPPORTED' })
  })
})
