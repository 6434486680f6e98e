import assert from 'node:assert/strict'
import type { Agent, MeshError, Node } from '../../src/index.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { collect, record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

const KIB = 1_024
/** One delivery attempt, and with it a handler's time, takes so many ms. */
const limits = { deliveryTimeout: 300, maxRetries: 1 }

const failure = (promise: Promise<unknown>): Promise<MeshError> =>
  promise.then(
    () => assert.fail('it succeeded'),
    (error) => error
  )

describe('what agents do wrong', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object]>
  let client: Node
  let server: Node
  let caller: Agent

  /** The node serves whoever is well. */
  const well = async (): Promise<void> => {
    assert.equal((await caller.request('healthy', 7, { type: 'echo', timeout: 10_000 })).data, 7)
    const { status } = await caller.send('healthy', 7, { delivery: 'at-least-once' })
    assert.equal(status, 'delivered')
  }

  before(async () => {
    mesh = await meshOf(
      { limits: { ...limits, messageBytes: 1_024 * KIB } },
      { limits: { ...limits, messageBytes: 64 * KIB } }
    )
    ;[client, server] = mesh.nodes
    await server.agent('healthy', { receive: () => {}, handle: { echo: ({ data }) => data } })
    caller = await client.agent('caller')
  })
  after(() => mesh[Symbol.asyncDispose]())
  afterEach(() => well())

  it('a receiver that throws: the sender is told after its retries, and of what nobody acknowledges an event tells', async () => {
    let calls = 0
    await server.agent('thrower', {
      receive: () => {
        calls++
        throw new RangeError('no')
      }
    })
    const events = record(server.events())
    const failed = await failure(caller.send('thrower', 1, { delivery: 'at-least-once' }))
    assert.deepEqual([failed.code, failed.details?.attempts, calls], ['ERR_MAX_RETRIES', 2, 2])
    assert.equal((failed.cause as Error).message, 'no')
    await caller.send('thrower', 2, { delivery: 'at-most-once' })
    const dropped = await events.first(({ kind }) => kind === 'dropped')
    assert.deepEqual(dropped.kind === 'dropped' && [dropped.agent, dropped.message, dropped.count], [
      'thrower',
      'no',
      1
    ])
  })

  it('a receiver that never returns: its time ends, its signal aborts, and the next message has its turn', async () => {
    const reasons: unknown[] = []
    const handled: unknown[] = []
    await server.agent('sleeper', {
      receive: ({ data }, ctx) => {
        if (data !== 'sleep') return void handled.push(data)
        ctx.signal.addEventListener('abort', () => reasons.push((ctx.signal.reason as MeshError).code))
        return new Promise(() => {})
      }
    })
    const stuck = failure(caller.send('sleeper', 'sleep', { delivery: 'at-least-once', maxRetries: 0 }))
    const next = caller.send('sleeper', 'next', { delivery: 'at-least-once', maxRetries: 20 })
    assert.equal((await stuck).code, 'ERR_MAX_RETRIES')
    assert.equal((await next).status, 'delivered')
    assert.deepEqual([handled, reasons], [['next'], ['ERR_TIMEOUT']])
  })

  it('a responder that never returns costs its callers their timeout, and nobody else a thing', async () => {
    let entered = 0
    await server.agent('abyss', {
      handle: {
        fall: () => {
          entered++
          return new Promise(() => {})
        },
        echo: ({ data }) => data
      }
    })
    // More than a handler may have at once, so that those abandoned must not count.
    for (let round = 0; round < 2; round++) {
      const agents = await Promise.all(Array.from({ length: 2 }, () => client.agent('crowd')))
      const calls = Array.from({ length: 300 }, (_, i) =>
        agents[i % 2]!.request('abyss', i, { type: 'fall', timeout: 500 })
      )
      const ends = await Promise.allSettled(calls)
      assert.ok(ends.every(({ status }) => status === 'rejected'))
      await Promise.all(agents.map((agent) => agent.close()))
    }
    assert.ok(entered > 256, `${entered} calls got in`)
  })

  it('a message that is too large is refused by name, either way, and its link lives on', async () => {
    const connection = client.libp2p.getConnections(server.peerId)[0]
    await server.agent('giant', {
      handle: {
        grow: () => Buffer.alloc(2_048 * KIB),
        async *pour() {
          yield Buffer.alloc(KIB)
          yield Buffer.alloc(2_048 * KIB)
        }
      }
    })
    await well()
    const large = Buffer.alloc(2_048 * KIB)
    const refused = { name: 'LimitError', code: 'ERR_MESSAGE_TOO_LARGE' }
    for (const delivery of ['at-most-once', 'at-least-once'] as const) {
      await assert.rejects(caller.send('healthy', large, { delivery }), refused)
    }
    await assert.rejects(caller.request('healthy', large, { type: 'echo' }), refused)
    await assert.rejects(caller.publish('anything', large), refused)
    await assert.rejects(collect(caller.stream('healthy', large, { type: 'echo' })), refused)
    await assert.rejects(caller.request('giant', 0, { type: 'grow' }), refused)
    await assert.rejects(collect(caller.stream('giant', 0, { type: 'pour' })), refused)
    await well()
    assert.equal(client.libp2p.getConnections(server.peerId)[0], connection)
  })

  it('a message that only its receiver finds too large is refused all the same, also as the first on its link', async () => {
    await using fresh = await meshOf({ name: 'small', limits: { messageBytes: 64 * KIB } }, { name: 'large' })
    const [small, large] = fresh.nodes
    await small.agent('modest', { receive: () => {}, handle: { echo: ({ data }) => data } })
    const sender = await large.agent('sender')
    const data = { text: 'x'.repeat(512 * KIB) }
    const refused = { code: 'ERR_MESSAGE_TOO_LARGE' }
    await assert.rejects(sender.send('modest', data, { delivery: 'at-least-once' }), refused)
    await assert.rejects(sender.request('modest', data, { type: 'echo' }), refused)
    assert.equal((await sender.request('modest', 1, { type: 'echo', timeout: 10_000 })).data, 1)
  })

  it('data that no format can carry is refused with the path to it', async () => {
    const data = { list: [1, { deed: () => {} }] }
    await assert.rejects(caller.send('healthy', data), (error: MeshError) => {
      assert.equal(error.code, 'ERR_UNREPRESENTABLE')
      assert.match(JSON.stringify(error.details), /list.*1.*deed/)
      return true
    })
    await server.agent('odd', { handle: { odd: () => () => {} } })
    await assert.rejects(caller.request('odd', 0, { type: 'odd' }), { code: 'ERR_UNREPRESENTABLE' })
  })

  it('a name that nobody hosts, and a host that has no such agent, are said at once', async () => {
    const nobody = { name: 'RoutingError', code: 'ERR_NO_RESPONDERS' }
    for (const delivery of ['at-most-once', 'at-least-once'] as const) {
      await assert.rejects(caller.send('nobody', 1, { delivery }), nobody)
    }
    await assert.rejects(caller.send('nobody', 1, { to: 'all' }), nobody)
    await assert.rejects(caller.send({ name: 'nobody', peer: server.peerId }, 1), nobody)
    await assert.rejects(caller.request({ name: 'healthy', instance: 'none' }, 1, { type: 'echo' }), nobody)
    await assert.rejects(server.agent(''), { code: 'ERR_CONFIG' })
    await assert.rejects(server.agent('x'.repeat(10_000)), { code: 'ERR_CONFIG' })
  })

  it('a source or a filter that throws harms its own message only', async () => {
    const subscription = caller.subscribe('weather.*', {
      filter: ({ data }) => {
        if (data === 2) throw new Error('no filter for that')
        return true
      }
    })
    await subscription.ready
    const heard = record(subscription)
    const publisher = await server.agent('weatherman')
    for (const data of [1, 2, 3]) await publisher.publish('weather.eu', data)
    await until('the third', () => heard.all.length === 2)
    assert.deepEqual(
      heard.all.map(({ data }) => data),
      [1, 3]
    )
    assert.equal(subscription.stats().filterErrors, 1)
    await subscription.close()
  })
})
