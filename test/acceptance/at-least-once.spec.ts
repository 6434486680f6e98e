import assert from 'node:assert/strict'
import type { Agent, MeshError, Subscription } from '../../src/index.ts'
import { createMesh, type Mesh } from '../../src/testing/index.ts'

const AT_LEAST_ONCE = { delivery: 'at-least-once' } as const
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Reads for ever, also behind gaps; what was read, and the errors. */
function collect(subscription: Subscription): { data: unknown[]; errors: MeshError[] } {
  const read = { data: [] as unknown[], errors: [] as MeshError[] }
  const loop = async (): Promise<void> => {
    try {
      for await (const { data } of subscription) read.data.push(data)
    } catch (error) {
      read.errors.push(error as MeshError)
      await loop()
    }
  }
  void loop()
  return read
}

describe('the API, “with at-least-once, asking for the next acknowledges the last”', function () {
  this.timeout(30_000)
  let mesh: Mesh
  let publisher: Agent
  let listener: Agent

  async function begin(seed: number, loss = 0): Promise<void> {
    mesh = await createMesh({ nodes: 2, seed, latency: [1, 20], loss })
    publisher = await mesh.run(mesh.nodes[0]!.agent('publisher'))
    listener = await mesh.run(mesh.nodes[1]!.agent('listener'))
  }
  afterEach(() => mesh[Symbol.asyncDispose]())

  async function subscribe(agent: Agent, options = {}): Promise<Subscription> {
    const subscription = agent.subscribe('orders.>', { ...AT_LEAST_ONCE, ...options })
    await mesh.run(subscription.ready)
    return subscription
  }

  /** One publication after another, `pause` ms of virtual time apart. */
  async function publish(from: number, to: number, pause: number): Promise<void> {
    for (const number of numbers(from, to)) {
      await mesh.run(publisher.publish('orders.eu', number))
      await mesh.advance(pause)
    }
  }

  const apart = () => mesh.partition([0], [1])
  const known = () => mesh.nodes.every((node) => node.peers().length === 1)

  it('hands out everything in order across a cut that nobody has noticed', async () => {
    await begin(1)
    const read = collect(await subscribe(listener))
    await publish(0, 5, 10)
    apart()
    await publish(5, 25, 50)
    assert(known(), 'held to be alive')
    mesh.heal()
    await publish(25, 30, 10)
    await mesh.advance(20_000)
    assert.deepEqual(read, { data: numbers(0, 30), errors: [] })
  })

  it('likewise across a partition in which each held the other to be dead', async () => {
    await begin(2, 0.01)
    const read = collect(await subscribe(listener))
    apart()
    await publish(0, 40, 500)
    assert(
      mesh.nodes.every((node) => node.peers().length === 0),
      'held to be dead'
    )
    const { subscribers, path } = await mesh.run(publisher.publish('orders.eu', 40))
    assert.deepEqual([subscribers, path], [0, 'local'], 'who is away is not claimed to be reached')
    mesh.heal()
    while (!known()) await mesh.advance(1_000)
    await publish(41, 45, 10)
    await mesh.advance(20_000)
    assert.deepEqual(read, { data: numbers(0, 45), errors: [] })
  })

  it('tells the gap where the history was outrun, and goes on behind it', async () => {
    await begin(3)
    const read = collect(await subscribe(listener))
    await publish(0, 3, 1_000)
    apart()
    await mesh.advance(20_000)
    const large = new Uint8Array(2 ** 20)
    for (let i = 0; i < 12; i++) {
      await mesh.run(publisher.publish('orders.large', large))
      await mesh.advance(1)
    }
    mesh.heal()
    while (!known()) await mesh.advance(1_000)
    await mesh.advance(20_000)
    await publish(3, 6, 10)
    await mesh.advance(5_000)
    const [gap, ...others] = read.errors
    assert.deepEqual(others, [])
    assert.deepEqual([gap?.code, gap?.retryable], ['ERR_GAP', false])
    const { publisher: who, messages } = gap!.details!
    assert.equal(who, mesh.nodes[0]!.peerId.toString())
    const kept = read.data.filter((data) => data instanceof Uint8Array)
    assert.equal(kept.length + (messages as number), 12)
    assert.deepEqual(
      read.data.filter((data) => typeof data === 'number'),
      numbers(0, 6)
    )
  })

  it('goes on where the publisher lives another life', async () => {
    await begin(4)
    const read = collect(await subscribe(listener))
    await publish(0, 2, 10)
    mesh.crash(0)
    await mesh.advance(20_000)
    await mesh.restart(0)
    publisher = await mesh.run(mesh.nodes[0]!.agent('publisher'))
    while (!known()) await mesh.advance(1_000)
    await mesh.advance(5_000)
    await publish(2, 4, 10)
    await mesh.advance(5_000)
    assert.deepEqual(read.data, numbers(0, 4))
    assert.deepEqual(read.errors, [])
  })

  it('hands out again what a loop was left with', async () => {
    await begin(5)
    const subscription = await subscribe(listener)
    await publish(0, 3, 10)
    await mesh.advance(1_000)
    const seen: unknown[] = []
    const fail = async () => {
      for await (const { data } of subscription) {
        seen.push(data)
        if (data === 1) throw new Error('not yet')
      }
    }
    await assert.rejects(fail(), /not yet/)
    assert.deepEqual([subscription.stats().queued, subscription.stats().redelivered], [2, 0])
    const rest = collect(subscription)
    await mesh.advance(10)
    assert.deepEqual(
      [seen, rest.data],
      [
        [0, 1],
        [1, 2]
      ]
    )
    assert.deepEqual([subscription.stats().queued, subscription.stats().redelivered], [0, 1])
  })

  it('makes publishers wait for a slow consumer, however long, and drops nothing', async () => {
    await begin(6)
    const small = { highWatermark: 4, lowWatermark: 1, maxQueue: { messages: 8, bytes: 2 ** 20 } }
    const slow = await subscribe(listener, small)
    const near = mesh.nodes[0]!
    const local = await subscribe(await mesh.run(near.agent('near')), small)
    const iterator = local[Symbol.asyncIterator]()
    await publish(0, 4, 10)
    const refused = { code: 'ERR_BACKPRESSURE' }
    await assert.rejects(mesh.run(publisher.publish('orders.eu', 4, { timeout: 0 })), refused)
    for (let i = 0; i < 3; i++) await iterator.next()
    await assert.rejects(mesh.run(publisher.publish('orders.eu', 4, { timeout: 0 })), refused, 'one is held still')
    const waiting = publisher.publish('orders.eu', 4)
    await mesh.advance(30_000)
    await iterator.next()
    await mesh.run(waiting)
    const [there, here] = [collect(slow), collect(local)]
    const filler = new Uint8Array(2 ** 16)
    for (let i = 0; i < 40; i++) await mesh.run(publisher.publish('orders.eu', filler))
    await mesh.advance(5_000)
    assert.deepEqual([there.data.length, there.errors, slow.stats().dropped], [45, [], 0])
    assert.deepEqual([here.data.length, here.errors, local.stats().dropped], [41, [], 0], 'and one that is held')
  })

  it('makes a publisher elsewhere wait, and lets it go on', async () => {
    await begin(7)
    const slow = await subscribe(listener, { highWatermark: 4, lowWatermark: 1 })
    const filler = new Uint8Array(2 ** 16)
    const tries: Promise<unknown>[] = []
    let done = 0
    for (let i = 0; i < 60; i++) tries.push(publisher.publish('orders.eu', filler).then(() => done++))
    await mesh.advance(60_000)
    assert(done < 30, `${done} were handed over to nobody who reads`)
    await assert.rejects(mesh.run(publisher.publish('orders.eu', 0, { timeout: 0 })), { code: 'ERR_BACKPRESSURE' })
    const read = collect(slow)
    await mesh.run(Promise.all(tries))
    await mesh.advance(5_000)
    assert.deepEqual([read.data.length, slow.stats().dropped], [60, 0])
  })

  it('counts both kinds of subscriptions in the evidence, each node once', async () => {
    await begin(8)
    const assured = await subscribe(listener)
    const plain = listener.subscribe('orders.*')
    await mesh.run(plain.ready)
    const read = [collect(assured), collect(plain)]
    const waitFor = { waitFor: { subscribers: 2 }, timeout: 5_000 }
    const evidence = await mesh.run(publisher.publish('orders.eu', 1, waitFor))
    const peer = mesh.nodes[1]!.peerId.toString()
    assert.deepEqual([evidence.subscribers, evidence.peers], [2, [{ peer, subscribers: 2 }]])
    await mesh.advance(1_000)
    assert.deepEqual(
      read.map(({ data }) => data),
      [[1], [1]]
    )
  })

  it('refuses what would drop or survive', async () => {
    await begin(9)
    for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
      const key = (error: MeshError) => error.code === 'ERR_CONFIG' && error.details?.key === 'overflow'
      assert.throws(() => listener.subscribe('a', { ...AT_LEAST_ONCE, overflow }), key)
    }
    assert.throws(() => listener.subscribe('a', { ...AT_LEAST_ONCE, durable: true } as object), { code: 'ERR_CONFIG' })
  })
})
