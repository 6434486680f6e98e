import assert from 'node:assert/strict'
import { pipe } from 'it-pipe'
import type { Agent, Node } from '../../src/index.ts'
import { createMesh, type Mesh } from '../../src/testing/index.ts'

describe('a node of a simulated mesh, awaited as any other', () => {
  let mesh: Mesh
  let nodes: Node[]
  let worker: Agent
  let caller: Agent

  beforeEach(async () => {
    mesh = await createMesh({ nodes: 3, seed: 4, latency: [1, 20] })
    nodes = mesh.nodes
    worker = await nodes[2]!.agent('worker', { handle: { double: ({ data }) => 2 * data } })
    caller = await nodes[0]!.agent('caller')
  })
  afterEach(() => mesh.stop())

  it('is called, and so is what it hands out', async () => {
    const received: unknown[] = []
    assert.equal(
      worker.receive(({ data }) => void received.push(data)),
      worker
    )
    assert.equal((await caller.send('worker', 1)).status, 'delivered')
    assert.equal((await caller.send('worker', 2, { to: 'all' })).length, 1)
    assert.deepEqual(received, [1, 2])
    assert.equal((await caller.request('worker', 3, { type: 'double' })).data, 6)
    await nodes[0]!.flush()
    await worker.close()
    await nodes[2]!.stop()
    assert.equal(nodes[2]!.state, 'stopped')
  })

  it('disposes of itself', async () => {
    {
      await using node = nodes[1]!
      await using agent = await node.agent('brief')
      await using subscription = agent.subscribe('a.>')
      await subscription.ready
    }
    assert.equal(nodes[1]!.state, 'stopped')
  })

  it('streams, however long the next part takes', async () => {
    worker.handle('count', async function* () {
      for (let i = 0; i < 3; i++) {
        await mesh.sleep(100_000)
        yield i
      }
    })
    const [parts, before] = [[] as unknown[], mesh.now]
    for await (const { data } of caller.stream('worker', null, { type: 'count' })) parts.push(data)
    assert.deepEqual(parts, [0, 1, 2])
    assert(mesh.now > before + 300_000)
  })

  it('coordinates pipelines: process, as a transform, by its id from elsewhere', async () => {
    const pipeline = await nodes[1]!.pipeline('twice', { stages: [{ name: 'double', agent: 'worker' }] })
    assert.deepEqual(await all(pipeline.process([1, 2, 3])), [2, 4, 6])
    assert.deepEqual(await pipe([4, 5], pipeline, all), [8, 10])
    assert.equal(await pipeline.send(6), 12)
    assert.equal(await nodes[0]!.pipelines.get('twice').send(7), 14)
    assert.equal((await nodes[0]!.pipelines.get('twice').stats()).stages[0]!.out, 7)
    await pipeline.reconfigure({ stages: [{ name: 'double', agent: 'worker', concurrency: 2 }] })
    await pipeline.close()
    await assert.rejects(pipeline.send(8), { code: 'ERR_STOPPED' })
  })

  it('is read: the next message, event and change', async () => {
    const subscription = (await nodes[1]!.agent('listener')).subscribe('news.*')
    await subscription.ready
    const message = subscription[Symbol.asyncIterator]().next()
    const changes = nodes[0]!.monitor('late')
    const events = nodes[0]!.events()
    await worker.publish('news.today', 'hot')
    assert.equal((await message).value.data, 'hot')
    const late = nodes[1]!.agent('late')
    assert.equal((await changes.next()).value.kind, 'agent-up')
    assert.equal((await events.next()).value.name, 'late')
    await late
    await events.return!()
    assert.equal((await events.next()).done, true)
  })

  it('lets time pass for what is on its way to a disk, and for the end of what is stored', async () => {
    await using durable = await createMesh({ nodes: 2, seed: 4, latency: [1, 20], disks: { syncLatency: [5, 10] } })
    const counter = await durable.nodes[1]!.agent('counter')
    counter.receive((_, ctx) => ctx.commit([{ type: 'put', key: 'count', value: 1 }]), { delivery: 'exactly-once' })
    const sender = await durable.nodes[0]!.agent('sender')
    const receipt = await sender.send('counter', 1, { delivery: 'exactly-once', durable: true })
    assert.equal(receipt.status, 'stored')
    assert.equal((await receipt.settled).status, 'delivered')
    assert.equal(await counter.state.get('count'), 1)
    for await (const entry of counter.state.entries()) assert.deepEqual(entry, ['count', 1])
  })

  it('throws and rejects as it does in production', async () => {
    caller.receive('t', () => undefined)
    assert.throws(() => caller.receive('t', () => undefined), { code: 'ERR_ALREADY_REGISTERED' })
    assert.throws(() => nodes[0]!.libp2p, { code: 'ERR_UNSUPPORTED' })
    await assert.rejects(caller.state.get(''), { code: 'ERR_CONFIG' })
    assert.throws(() => nodes[0]!.pipelines.get(''), { code: 'ERR_CONFIG' })
    await assert.rejects(caller.request('nobody', 1), { code: 'ERR_NO_RESPONDERS' })
    await assert.rejects(nodes[0]!.ready({ peers: 7, timeout: 90_000 }), { code: 'ERR_TIMEOUT' })
    await assert.rejects(nodes[0]!.agent(''), { code: 'ERR_CONFIG' })
    const subscription = caller.subscribe('a.>')
    const { ready } = subscription
    await subscription.close()
    await assert.rejects(ready, { code: 'ERR_ABORTED' })
  })

  it('has handlers that call others, and such as would go on for ever', async () => {
    const other = await nodes[1]!.agent('other', {
      handle: { quadruple: async ({ data }) => (await other.request('worker', 2 * data, { type: 'double' })).data }
    })
    assert.equal((await caller.request('other', 3, { type: 'quadruple' })).data, 12)
    let rallies = 0
    for (const [player, opponent] of [[other, 'worker'] as const, [worker, 'other'] as const]) {
      player.receive(async ({ data }) => {
        rallies++
        void player.send(opponent, data)
      })
    }
    await caller.send('worker', 'ball')
    await mesh.advance(1_000)
    const before = [rallies, mesh.now]
    assert(rallies > 10)
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([rallies, mesh.now], before)
  })

  it('that crashes leaves its calls pending, and time to the others', async () => {
    void nodes[2]!.ready({ peers: 2 })
    void worker.request('caller', 1)
    mesh.crash(2)
    const before = mesh.now
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(mesh.now, before)
    await assert.rejects(caller.request('worker', 1, { type: 'double', timeout: 3_000 }))
    worker = await (await mesh.restart(2)).agent('worker', { handle: { double: ({ data }) => 2 * data } })
    await nodes[0]!.ready({ peers: 2 })
    assert.equal((await caller.request('worker', 2, { type: 'double' })).data, 4)
  })
})

async function all(source: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const item of source) items.push(item)
  return items
}
