import assert from 'node:assert/strict'
import type { Agent, Context, Message, Node, SendOptions } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

describe('the API, “Agents”', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object]>
  let a: Node
  let b: Node
  let planner: Agent
  const got: { message: Message; ctx: Context }[] = []

  before(async () => {
    mesh = await meshOf({}, {})
    ;[a, b] = mesh.nodes
    planner = await a.agent('planner')
    for (const [name, host] of [
      ['near', a],
      ['far', b]
    ] as const) {
      await host.agent(name, {
        receive: (message, ctx) => void got.push({ message, ctx }),
        handle: { echo: ({ data }) => data }
      })
    }
  })
  beforeEach(() => void got.splice(0))
  after(() => mesh[Symbol.asyncDispose]())

  it('send: an option that is wrong is named, and costs neither a retry nor the way', async () => {
    const wrong: Record<string, unknown[]> = {
      ttl: [-1, '5', Number.NaN, Number.POSITIVE_INFINITY],
      timeout: [-1, '5', Number.NaN, null],
      signal: [5, {}, null],
      id: [5, '', 'x'.repeat(1_025), '\ud800'],
      key: [5, 'x'.repeat(1_025), '\ud800'],
      to: ['some', 5],
      delivery: ['twice']
    }
    for (const name of ['near', 'far']) {
      for (const [key, values] of Object.entries(wrong)) {
        for (const value of values) {
          const options = { delivery: 'at-least-once', [key]: value } as SendOptions
          const expected = { code: 'ERR_CONFIG', details: { key } }
          await assert.rejects(planner.send(name, 1, options), expected, `${key}: ${String(value)}`)
          if (key === 'to' || key === 'delivery') continue
          const asked = { type: 'echo', ...options } as object
          await assert.rejects(planner.request(name, 1, asked), expected, `request with ${key}: ${String(value)}`)
        }
      }
      assert.equal((await planner.send(name, 2, { delivery: 'at-least-once' })).attempts, 1)
    }
    assert.deepEqual(
      got.map(({ message }) => message.data),
      [2, 2]
    )
  })

  it('a target: a name, or an object with one; anything else is ERR_CONFIG', async () => {
    for (const target of [null, undefined, 5, '', {}, { name: 5 }, [], { peer: a.peerId }] as never[]) {
      const expected = { code: 'ERR_CONFIG', details: { key: 'target' } }
      await assert.rejects(planner.send(target, 1), expected)
      await assert.rejects(planner.send(target, 1, { to: 'all' }), expected)
      await assert.rejects(planner.request(target, 1), expected)
      assert.throws(() => planner.stream(target, 1), expected)
      assert.throws(() => a.explain({ data: 1 }, target), expected)
    }
  })

  it('what is not built is refused where it is asked for, protection above all', async () => {
    const unsupported = { code: 'ERR_UNSUPPORTED' }
    await planner.send('far', 1)
    for (const key of ['sign', 'authenticate', 'encrypt']) {
      await assert.rejects(planner.send('far', 1, { [key]: true }), unsupported, key)
      await assert.rejects(planner.request('far', 1, { type: 'echo', [key]: true }), unsupported, key)
      await assert.rejects(planner.publish('a.topic', 1, { [key]: true }), unsupported, key)
    }
    await assert.rejects(planner.request('far', 1, { type: 'echo', durable: true } as never), unsupported)
    await assert.rejects(planner.request('far', 1, { type: 'echo', ordering: 'total' }), unsupported)
    for (const order of [{ ordering: 'total' }] as const) {
      await assert.rejects(planner.send('far', 1, order), { code: 'ERR_NO_CONSENSUS' })
      await assert.rejects(planner.publish('a.topic', 1, order), { code: 'ERR_NO_CONSENSUS' })
    }
  })

  it('handlers: neither a slip of the pen nor a value that is no function goes unnoticed', async () => {
    for (const [handlers, key] of [
      [{ recieve: () => undefined }, 'recieve'],
      [{ receive: 5 }, 'receive'],
      [{ handle: () => undefined }, 'handle'],
      [{ handle: { '': () => undefined } }, 'type'],
      [null, 'handlers']
    ] as const) {
      await assert.rejects(a.agent('clumsy', handlers as object), { code: 'ERR_CONFIG', details: { key } })
    }
    assert.deepEqual(a.agents('clumsy'), [])
    const slip = { code: 'ERR_CONFIG', details: { key: 'concurency' } }
    for (const register of [planner.receive, planner.handle]) {
      assert.throws(() => register.call(planner, 'slip', () => undefined, { concurency: 4 } as object), slip)
      assert.throws(() => register.call(planner, '', () => undefined), { code: 'ERR_CONFIG', details: { key: 'type' } })
    }
  })

  it('receipt: “{ id, status, attempts, transport, route, settled }”', async () => {
    for (const [name, transport, route] of [
      ['near', 'local', 'local'],
      ['far', 'tcp', 'direct']
    ] as const) {
      const sent = await planner.send(name, 1, { delivery: 'at-most-once', id: `sent-${name}` })
      const delivered = await planner.send(name, 1, { delivery: 'at-least-once' })
      const { id, status, attempts } = sent
      assert.deepEqual([id, status, attempts], [`sent-${name}`, 'sent', 1])
      assert.deepEqual([delivered.status, delivered.attempts], ['delivered', 1])
      for (const receipt of [sent, delivered]) {
        assert.deepEqual([receipt.transport, receipt.route], [transport, route])
        assert.equal(await receipt.settled, receipt)
      }
      await until('both', () => got.length === 2)
      assert.deepEqual(
        got.splice(0).map(({ message }) => message.id),
        [id, delivered.id]
      )
    }
  })

  it("to: 'all' “reaches each member of the set”, which a target may narrow, “with a receipt for each”", async () => {
    const heard: string[] = []
    const taps = []
    for (const host of [a, b, b]) {
      const tap = await host.agent('tap')
      taps.push(tap.receive(() => void heard.push(tap.instance)))
    }
    await until('all of them', () => a.agents('tap').length === 3)
    const instances = taps.map(({ instance }) => instance)
    const reach = async (target: Parameters<Agent['send']>[0]) => {
      const receipts = await planner.send(target, 1, { to: 'all', delivery: 'at-least-once' })
      assert.ok(receipts.every(({ status }) => status === 'delivered'))
      assert.equal(receipts.length, heard.length)
      return heard.splice(0).toSorted()
    }
    assert.deepEqual(await reach('tap'), instances.toSorted())
    assert.deepEqual(await reach({ name: 'tap', peer: b.peerId }), instances.slice(1).toSorted())
    assert.deepEqual(await reach({ name: 'tap', instance: instances[1]! }), [instances[1]])
    for (const target of ['nobody', { name: 'tap', instance: 'nobody' }]) {
      await assert.rejects(planner.send(target, 1, { to: 'all' }), { code: 'ERR_NO_RESPONDERS', retryable: true })
    }
  })

  it('a stream sent: what breaks its source is told to its owner as it was, and to the handler as the end of the call', async () => {
    for (const host of [a, b]) {
      const heard: unknown[] = []
      const name = `reader-${host === a ? 'near' : 'far'}`
      await host.agent(name, {
        handle: {
          echo: async function* ({ data }, ctx) {
            ctx.signal.addEventListener('abort', () => heard.push((ctx.signal.reason as { code: string }).code))
            for await (const item of data) yield item
          }
        }
      })
      const reason = new Error('the file is gone')
      const source = (async function* () {
        yield 1
        throw reason
      })()
      const parts: unknown[] = []
      const reading = async () => {
        for await (const { data } of planner.stream(name, source, { type: 'echo' })) parts.push(data)
      }
      await assert.rejects(reading, (error) => error === reason)
      await until('the handler to hear of it', () => heard.length > 0)
      assert.deepEqual(heard, ['ERR_ABORTED'])
    }
  })

  it('publish: takes what describes a message, and refuses what does not', async () => {
    const listener = await b.agent('listener')
    await using subscription = listener.subscribe('orders.*')
    await subscription.ready
    const heard = record(subscription)
    const options = { type: 'order.created', id: 'mine', subject: 'eu', priority: 'low', ttl: 60_000 } as const
    assert.equal((await planner.publish('orders.eu', { total: 1 }, options)).id, 'mine')
    const { id, type, subject, routing, qos } = await heard.first(() => true)
    assert.deepEqual([id, type, subject, routing?.priority], ['mine', 'order.created', 'eu', 'low'])
    assert.ok(qos?.deadline !== undefined)
    await assert.rejects(planner.publish('orders.eu', 1, { nonsense: 1 } as object), { code: 'ERR_CONFIG' })
    await assert.rejects(planner.publish('orders.eu', 1, { type: 5 } as object), { code: 'ERR_INVALID_MESSAGE' })
    for (const waitFor of [null, 5, {}, { subscribers: 0 }] as never[]) {
      await assert.rejects(planner.publish('orders.eu', 1, { waitFor }), { code: 'ERR_CONFIG' })
    }
    assert.throws(() => planner.subscribe('orders.*', { maxQueue: { mesages: 9 } } as object), {
      code: 'ERR_CONFIG',
      details: { key: 'maxQueue.mesages' }
    })
    for (const topic of ['', 'a..b', 'a.*', 5, null] as never[]) {
      await assert.rejects(planner.publish(topic, 1), { code: 'ERR_INVALID_TOPIC' })
    }
    for (const pattern of ['', '>.a', 'a.b*', 5, null] as never[]) {
      assert.throws(() => planner.subscribe(pattern), { code: 'ERR_INVALID_TOPIC' })
    }
  })

  it('close: takes the agent’s subscriptions along, and leaves those of its namesakes', async () => {
    const [gone, stays] = [await b.agent('reader'), await b.agent('reader')]
    const [ending, going] = [gone.subscribe('news.>'), stays.subscribe('news.>')]
    await Promise.all([ending.ready, going.ready])
    const loop = ending[Symbol.asyncIterator]().next()
    await gone.close()
    assert.deepEqual(await loop, { done: true, value: undefined })
    for (const call of [() => gone.publish('news.a', 1), () => gone.subscribe('x'), () => gone.handle('x', () => 1)]) {
      await assert.rejects(async () => call(), { code: 'ERR_STOPPED' })
    }
    const heard = record(going)
    await planner.publish('news.a', 'still')
    assert.equal((await heard.first(() => true)).data, 'still')
    await gone.close()
  })

  it('“every call that waits takes { signal, timeout }”', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    const read = async (source: AsyncIterable<unknown>) => {
      for await (const element of source) assert.fail(String(element))
    }
    const stages = [{ name: 'echo', agent: 'far' }]
    await using pipeline = await a.pipeline('bounded', { stages })
    const calls: Record<string, () => Promise<unknown>> = {
      ready: () => a.ready({ peers: 99, signal }),
      agent: () => a.agent('aborted', {}, { signal }),
      pipeline: () => a.pipeline('aborted', { stages }, { signal }),
      send: () => planner.send('far', 1, { signal }),
      acknowledged: () => planner.send('far', 1, { signal, delivery: 'at-least-once' }),
      all: () => planner.send('far', 1, { signal, to: 'all' }),
      request: () => planner.request('far', 1, { signal, type: 'echo' }),
      publish: () => planner.publish('a.topic', 1, { signal }),
      waiting: () => planner.publish('a.topic', 1, { signal, waitFor: { subscribers: 9 } }),
      process: () => read(pipeline.process([1], { signal })),
      feed: () => pipeline.send(1, { signal }),
      reconfigure: () => pipeline.reconfigure({ stages }, { signal }),
      remote: () => b.pipelines.get('bounded').send(1, { signal })
    }
    for (const [name, call] of Object.entries(calls)) await assert.rejects(call, { code: 'ERR_ABORTED' }, name)
    assert.deepEqual([a.agents('aborted'), a.agents('phoenix.pipeline.aborted')], [[], []])
    assert.deepEqual(got, [])
  })
})
