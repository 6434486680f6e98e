import assert from 'node:assert/strict'
import { createNode } from '../../src/index.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { heldUp, SMALL } from '../kit/full-mailbox.ts'
import { meshOf } from '../kit/mesh.ts'
import { numbers } from '../kit/numbers.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

const ONCE = { delivery: 'at-most-once' } as const
const ACKNOWLEDGED = { delivery: 'at-least-once', maxRetries: 20 } as const

describe('the API, “Overflow”, of an agent', function () {
  this.timeout(60_000)

  for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
    it(`${overflow}: an event and a counter say what, whose and why; nobody is slowed`, async () => {
      await using mesh = await meshOf({}, {})
      const [server, client] = mesh.nodes
      const events = record(server.events())
      const { open, handled, receive } = heldUp()
      await server.agent('worker', { receive, overflow, ...SMALL })
      const agent = await client.agent('sender')
      for (const i of numbers(5_000)) await agent.send('worker', i, ONCE)
      await until('all of it', () => server.counters().dropped === 4_989)
      open()
      await until('what was kept', () => handled.length === 11)
      assert.deepEqual(handled, overflow === 'drop-oldest' ? [0, ...numbers(10, 4_990)] : numbers(11))
      const told = await events.first((event) => event.kind === 'overflow')
      assert.ok(told.kind === 'overflow' && 'strategy' in told)
      assert.deepEqual(
        [told.agent, told.strategy, told.reason, told.peer],
        ['worker', overflow, 'queue-full', String(client.peerId)]
      )
      const { droppedOldest, droppedNewest } = server.counters()
      assert.deepEqual([droppedOldest, droppedNewest], overflow === 'drop-oldest' ? [4_989, 0] : [0, 4_989])
    })
  }

  it('reject: the sender is slowed at the high watermark, and ERR_BACKPRESSURE where it may not wait', async () => {
    await using mesh = await meshOf({}, {})
    const [server, client] = mesh.nodes
    const events = record(server.events())
    const { open, handled, receive } = heldUp()
    await server.agent('worker', { receive: [receive, { overflow: 'reject', ...SMALL }] })
    const agent = await client.agent('sender')
    let sent = 0
    await assert.rejects(
      async () => {
        for (; ; sent++) await agent.send('worker', sent, { ...ONCE, timeout: 200 })
      },
      { code: 'ERR_BACKPRESSURE', retryable: true }
    )
    assert.ok((await events.first(({ kind }) => kind === 'slow-consumer')).kind)
    // What is worthless before its receiver takes more is not waited for.
    await assert.rejects(agent.send('worker', -1, { ...ONCE, ttl: 50, timeout: 60_000 }), { code: 'ERR_TTL' })
    open()
    await until('all that was sent', () => handled.length === sent)
    assert.deepEqual(handled, numbers(sent))
  })

  it('spill-to-disk: order kept, across a restart; redirect: to a named agent', async () => {
    await using folder = await temporaryFolder()
    await using mesh = await meshOf({}, {})
    const [other] = mesh.nodes
    const bootstrap = other.multiaddrs
    const options = { overflow: 'spill-to-disk', ...SMALL } as const
    const first = await createNode({ dataDir: folder.path, bootstrap })
    await first.ready()
    const never = new Promise(() => {})
    const taken: number[] = []
    await first.agent('worker', { receive: () => never, ...options })
    const agent = await other.agent('sender')
    for (const i of numbers(2_000)) await agent.send('worker', i, ONCE)
    await until('the rest on disk', () => first.counters().spilled >= 1_989)
    // It stops, and does not wait for what its handler never finishes.
    await first.stop({ drain: false })
    await using second = await createNode({ dataDir: folder.path, bootstrap })
    await second.ready()
    await second.agent('worker', { receive: ({ data }) => void taken.push(data), ...options })
    await until('what was left', () => taken.at(-1) === 1_999)
    // The handler's, and those in memory, have gone with the first life.
    assert.deepEqual(taken, numbers(taken.length, 2_000 - taken.length))
    assert.ok(taken.length >= 1_989, `${taken.length} were left`)
    assert.equal(second.counters().reclaimed, taken.length)
    // And nothing is left for a third life.
    await agent.send('worker', -1, { delivery: 'at-least-once' })
    assert.equal(taken.at(-1), -1)

    const relieved: number[] = []
    await second.agent('busy', { receive: () => never, overflow: 'redirect', redirect: 'relief', ...SMALL })
    await mesh.nodes[1].agent('relief', { receive: ({ data }) => void relieved.push(data) })
    await until('the way', () => second.agents('relief').length > 0 && other.agents('relief').length > 0)
    const sends = numbers(100).map((i) => agent.send('busy', i, ACKNOWLEDGED))
    const redirected = await Promise.all(sends.slice(11))
    assert.ok(redirected.every(({ status }) => status === 'delivered'))
    assert.deepEqual(relieved, numbers(89, 11))
    for (const stuck of sends.slice(0, 11)) stuck.catch(() => {})
  })
})

describe('the API, “Overflow”, of a subscription', function () {
  this.timeout(60_000)
  const options = { overflow: 'spill-to-disk', ...SMALL } as const

  it('spill-to-disk: all of it in order, however slowly it is read, and after a restart', async () => {
    await using folder = await temporaryFolder()
    await using mesh = await meshOf({}, {})
    const [other] = mesh.nodes
    const publisher = await other.agent('publisher')
    const first = await createNode({ dataDir: folder.path, bootstrap: other.multiaddrs })
    await first.ready()
    const subscription = (await first.agent('listener')).subscribe('ticks.>', options)
    await subscription.ready
    for (const i of numbers(1_000)) await publisher.publish('ticks.a', i)
    await until('the rest on disk', () => first.counters().spilled >= 990)
    const iterator = subscription[Symbol.asyncIterator]()
    for (const i of numbers(10)) assert.equal((await iterator.next()).value.data, i)
    await first.stop({ drain: false })
    await using second = await createNode({ dataDir: folder.path, bootstrap: other.multiaddrs })
    await second.ready()
    const again = (await second.agent('listener')).subscribe('ticks.>', options)
    const read = record(again)
    await again.ready
    await publisher.publish('ticks.a', 1_000)
    await until('the last', () => read.all.at(-1)?.data === 1_000)
    const data = read.all.map((message) => message.data)
    // Those that were read ahead into memory have gone with it.
    assert.deepEqual(data, numbers(data.length, 1_001 - data.length))
    assert.ok(data.length > 0)
    await again.close()
    // Closing says that nobody reads on.
    const third = (await second.agent('listener')).subscribe('ticks.>', options)
    const begun = record(third)
    await third.ready
    await publisher.publish('ticks.a', 2_000)
    await until('the next', () => begun.all.length > 0)
    assert.equal(begun.all[0]!.data, 2_000)
  })

  it('redirect: a named agent takes what finds no room', async () => {
    await using mesh = await meshOf({}, {})
    const [here, other] = mesh.nodes
    const taken: unknown[][] = []
    await other.agent('relief', { receive: ({ data, subject }) => void taken.push([subject, data]) })
    const listener = await here.agent('listener')
    await until('the agent', () => here.agents('relief').length > 0)
    const subscription = listener.subscribe('ticks.>', { overflow: 'redirect', redirect: 'relief', ...SMALL })
    await subscription.ready
    for (const i of numbers(50)) await listener.publish('ticks.a', i)
    await until('the rest', () => taken.length === 40)
    assert.deepEqual(
      taken,
      numbers(40, 10).map((i) => ['ticks.a', i])
    )
    assert.throws(() => listener.subscribe('a', { overflow: 'redirect' }), { code: 'ERR_CONFIG' })
    assert.throws(() => listener.subscribe('a', { overflow: 'spill-to-disk' }), { code: 'ERR_NO_DATA_DIR' })
  })
})

describe('a node whose event loop cannot keep up', function () {
  this.timeout(60_000)

  it('sheds what matters least, says so, and takes everything again afterwards', async () => {
    await using mesh = await meshOf({}, {})
    const [server, client] = mesh.nodes
    // The loop that is late is this process's: both nodes', and the test's.
    let late = true
    const block = (): void => {
      const end = performance.now() + 150
      while (performance.now() < end);
      if (late) setImmediate(block)
    }
    await server.agent('worker', { receive: () => {}, handle: { echo: ({ data }) => data } })
    const agent = await client.agent('sender')
    await agent.request('worker', 1, { type: 'echo' })
    const events = record(server.events())
    block()
    const outcome = (priority: 'low' | 'critical') =>
      agent.request('worker', 1, { type: 'echo', priority, timeout: 20_000 }).then(
        () => 'answered',
        ({ code }) => code
      )
    await until('a refusal', async () => (await outcome('low')) === 'ERR_OVERLOADED', 40_000)
    assert.equal(await outcome('critical'), 'answered')
    late = false
    assert.ok(server.counters().shed > 0)
    const shed = await events.first(({ kind }) => kind === 'shed')
    assert.ok(shed.kind === 'shed' && shed.agent === 'worker' && shed.priority === 'low')
    await until('an answer', async () => (await outcome('low')) === 'answered')
  })
})
