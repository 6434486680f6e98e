import assert from 'node:assert/strict'
import type { MeshError } from '../../protocols/errors.ts'
import type { Subscription } from '../../src/runtime/pubsub/types.ts'
import { createMesh, type Mesh } from '../../src/testing/index.ts'

/** The data of the next messages. */
async function take(subscription: Subscription, count: number): Promise<unknown[]> {
  const taken: unknown[] = []
  const messages = subscription[Symbol.asyncIterator]()
  while (taken.length < count) taken.push((await messages.next()).value!.data)
  return taken
}

/** Like `take`, and what was taken last is acknowledged. */
async function work(mesh: Mesh, subscription: Subscription, count: number): Promise<unknown[]> {
  const messages = subscription[Symbol.asyncIterator]()
  const taken: unknown[] = []
  while (taken.length < count) taken.push((await messages.next()).value!.data)
  const next = messages.next()
  await mesh.advance(500)
  await messages.return!()
  await next
  return taken
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('Subscriptions that read what publishers keep', () => {
  it('get what was published before anybody subscribed, then what comes, in order and once', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 5 })
    const [a, b, c] = mesh.nodes
    const shop = await a!.agent('shop')
    const other = await b!.agent('other')
    for (const i of range(0, 50)) await shop.publish('orders.eu.created', i)
    for (const i of range(0, 50)) await shop.publish('elsewhere', i)
    for (const i of range(0, 30)) await other.publish('orders.us.created', `us ${i}`)
    const audit = await c!.agent('audit')
    await using orders = audit.subscribe('orders.>', { from: 'start', delivery: 'at-least-once' })
    await orders.ready
    for (const i of range(50, 100)) await shop.publish('orders.eu.created', i)
    const taken = await take(orders, 130)
    assert.deepEqual(
      taken.filter((data) => typeof data === 'number'),
      range(0, 100)
    )
    assert.deepEqual(
      taken.filter((data) => typeof data !== 'number'),
      range(0, 30).map((i) => `us ${i}`)
    )
  })

  it('begin at a number or a time of one publisher', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 6 })
    const [a, b] = mesh.nodes
    const shop = await a!.agent('shop')
    const audit = await b!.agent('audit')
    for (const i of range(1, 11)) await shop.publish('orders', i)
    await using all = audit.subscribe('orders', { from: 'start' })
    await take(all, 7)
    const { publisher, sequence, time } = all.position!
    assert.deepEqual({ publisher, sequence }, { publisher: a!.peerId.toString(), sequence: 7 })
    await mesh.advance(1_000)
    for (const i of range(11, 15)) await shop.publish('orders', i)
    await using again = audit.subscribe('orders', { from: { publisher, sequence } })
    assert.deepEqual(await take(again, 8), range(7, 15))
    await using late = audit.subscribe('orders', { from: { time: new Date(time + 1) } })
    assert.deepEqual(await take(late, 4), range(11, 15))
    await using same = audit.subscribe('orders', { from: { publisher: a!.peerId, sequence } })
    assert.deepEqual(await take(same, 8), range(7, 15))
  })

  it('refuse a beginning that nobody could write down', async () => {
    await using mesh = await createMesh({ nodes: 1 })
    const audit = await mesh.nodes[0]!.agent('audit')
    const wrong = [null, '', Number.NaN, 1e300, new Date(Number.NaN)] as number[]
    for (const time of wrong) {
      const subscribe = () => audit.subscribe('orders', { from: { time } })
      assert.throws(subscribe, { code: 'ERR_CONFIG', details: { key: 'from.time' } }, String(time))
    }
    for (const publisher of ['', 'x'.repeat(1_000), 5]) {
      const subscribe = () => audit.subscribe('orders', { from: { sequence: 1, publisher } })
      assert.throws(subscribe, { code: 'ERR_CONFIG', details: { key: 'from.publisher' } })
    }
  })

  it('hear of what is no longer kept, and how much it is, then get the rest', async () => {
    const settings = { limits: { retention: { messages: 64 } } }
    await using mesh = await createMesh({ nodes: [settings, {}], seed: 7, disks: true })
    const [a, b] = mesh.nodes
    const shop = await a!.agent('shop')
    const audit = await b!.agent('audit')
    await using orders = audit.subscribe('orders', { name: 'audit', durable: true })
    await orders.ready
    await shop.publish('orders', 1)
    assert.deepEqual(await work(mesh, orders, 1), [1])
    mesh.partition([0], [1])
    await mesh.advance(20_000)
    for (const i of range(2, 201)) await shop.publish('orders', i, { durable: true })
    mesh.heal()
    const messages = orders[Symbol.asyncIterator]()
    const publisher = a!.peerId.toString()
    await assert.rejects(messages.next(), (error: MeshError) => {
      assert.equal(error.code, 'ERR_GAP')
      assert.deepEqual(error.details, { publisher, messages: 135 })
      return true
    })
    assert.deepEqual(await take(orders, 64), range(137, 201))
  })
})

describe('A durable subscription', () => {
  it('needs a data folder, a name, and that nobody has the name', async () => {
    await using mesh = await createMesh({ nodes: 1 })
    const agent = await mesh.nodes[0]!.agent('audit')
    assert.throws(() => agent.subscribe('a', { durable: true, name: 'x' }), { code: 'ERR_NO_DATA_DIR' })
    assert.throws(() => agent.subscribe('a', { durable: true }), { code: 'ERR_CONFIG' })
    assert.throws(() => agent.subscribe('a', { name: 'x' }), { code: 'ERR_CONFIG' })
    assert.throws(() => agent.subscribe('a', { from: 'start', delivery: 'at-most-once' }), { code: 'ERR_CONFIG' })
    await assert.rejects(agent.publish('a', 1, { durable: true }), { code: 'ERR_NO_DATA_DIR' })
    await using disks = await createMesh({ nodes: 1, disks: true })
    const one = await disks.nodes[0]!.agent('audit')
    const subscription = one.subscribe('a', { durable: true, name: 'x' })
    assert.throws(() => one.subscribe('a', { durable: true, name: 'x' }), { code: 'ERR_ALREADY_REGISTERED' })
    await subscription.ready
    await subscription.close()
    const other = one.subscribe('b', { durable: true, name: 'x' })
    await assert.rejects(other.ready, { code: 'ERR_CONFIG' })
  })

  it('resumes where it stopped, after restarts of the subscriber, of the publisher, and of both', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 8, disks: true })
    const options = { durable: true, name: 'audit' } as const
    const publish = async (from: number, to: number) => {
      const shop = await mesh.nodes[0]!.agent('shop')
      for (const i of range(from, to)) await shop.publish('orders', i, { durable: true })
    }
    const subscribe = async () => (await mesh.nodes[1]!.agent('audit')).subscribe('orders', options)
    const first = await subscribe()
    await first.ready
    await publish(0, 10)
    assert.deepEqual(await work(mesh, first, 10), range(0, 10))
    mesh.crash(1)
    await mesh.advance(10_000)
    await publish(10, 20)
    await mesh.restart(1)
    const second = await subscribe()
    assert.deepEqual(await work(mesh, second, 10), range(10, 20))
    mesh.crash(0)
    await mesh.restart(0)
    await publish(20, 30)
    assert.deepEqual(await work(mesh, second, 10), range(20, 30))
    await publish(30, 40)
    mesh.crash(0)
    mesh.crash(1)
    await mesh.restart(0)
    await mesh.restart(1)
    const third = await subscribe()
    assert.deepEqual(await work(mesh, third, 10), range(30, 40))
    await third.unsubscribe()
    const fresh = await subscribe()
    await fresh.ready
    await publish(40, 41)
    assert.deepEqual(await take(fresh, 1), [40])
  })

  it('keeps its name to itself until it is forgotten', async () => {
    await using mesh = await createMesh({ nodes: 1, disks: true })
    const agent = await mesh.nodes[0]!.agent('audit')
    const options = { durable: true, name: 'audit', from: 'start' } as const
    for (const i of range(0, 5)) await agent.publish('orders', i, { durable: true })
    const first = agent.subscribe('orders', options)
    assert.deepEqual(await work(mesh, first, 5), range(0, 5))
    const forgotten = first.unsubscribe()
    await first.close()
    assert.throws(() => agent.subscribe('orders', options), { code: 'ERR_ALREADY_REGISTERED' })
    await forgotten
    await first.unsubscribe()
    const second = agent.subscribe('orders', options)
    assert.deepEqual(await work(mesh, second, 5), range(0, 5))
    await second.close()
    const third = agent.subscribe('orders', options)
    await assert.rejects(second.unsubscribe(), { code: 'ERR_ALREADY_REGISTERED' })
    await third.ready
    await mesh.advance(1_000)
    assert.equal(third.stats().received, 0)
  })

  it('has from other subscribers what a publisher that died had not brought it', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 9, disks: true })
    const [shop, fast, slow] = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const one = fast!.subscribe('orders.>', { durable: true, name: 'fast' })
    const two = slow!.subscribe('orders.eu', { durable: true, name: 'slow' })
    await Promise.all([one.ready, two.ready])
    await shop!.publish('orders.eu', 0)
    assert.deepEqual(await work(mesh, two, 1), [0])
    mesh.partition([0, 1], [2])
    await mesh.advance(20_000)
    for (const i of range(1, 20)) await shop!.publish('orders.eu', i, { durable: true })
    assert.deepEqual(await work(mesh, one, 20), range(0, 20))
    mesh.crash(0)
    mesh.heal()
    assert.deepEqual(await work(mesh, two, 19), range(1, 20))
    await mesh.restart(0)
    await (await mesh.nodes[0]!.agent('shop')).publish('orders.eu', 20)
    assert.deepEqual(await take(two, 1), [20])
  })

  it('are ready in their next life though a publisher that they know is gone, and read it when it is back', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 14, disks: true })
    const durable = { name: 'audit', durable: true } as const
    const publish = async (i: number, data: unknown) =>
      (await mesh.nodes[i]!.agent('shop')).publish('orders', data, { durable: true })
    const first = (await mesh.nodes[2]!.agent('audit')).subscribe('orders', durable)
    await first.ready
    await publish(0, 1)
    assert.deepEqual(await work(mesh, first, 1), [1])
    mesh.crash(0)
    mesh.crash(2)
    await mesh.advance(20_000)
    const audit = await (await mesh.restart(2)).agent('audit')
    const again = audit.subscribe('orders', durable)
    let ready = false
    void again.ready.then(() => (ready = true))
    await mesh.advance(20_000)
    assert(ready)
    await publish(1, 2)
    assert.deepEqual(await work(mesh, again, 1), [2])
    await mesh.restart(0)
    await publish(0, 3)
    assert.deepEqual(await work(mesh, again, 1), [3])
  })

  it('takes nothing from a subscriber that may have left out what it wants: it waits for the publisher', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 10, disks: true })
    const [shop, narrow, wide] = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const one = narrow!.subscribe('orders.eu', { durable: true, name: 'narrow' })
    const two = wide!.subscribe('orders.*', { durable: true, name: 'wide' })
    await Promise.all([one.ready, two.ready])
    await shop!.publish('orders.eu', 0)
    assert.deepEqual(await work(mesh, two, 1), [0])
    mesh.partition([0, 1], [2])
    await mesh.advance(20_000)
    for (const i of range(1, 11)) await shop!.publish(i % 2 === 0 ? 'orders.eu' : 'orders.us', i, { durable: true })
    assert.deepEqual(await work(mesh, one, 6), [0, 2, 4, 6, 8, 10])
    mesh.crash(0)
    mesh.heal()
    await mesh.advance(30_000)
    assert.equal(two.stats().received, 1)
    await mesh.restart(0)
    assert.deepEqual(await work(mesh, two, 10), range(1, 11))
  })

  it('that begin now get nothing that was published before, on disk already or not', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 7, disks: true })
    const shop = await mesh.nodes[0]!.agent('shop')
    for (const [i, node] of mesh.nodes.entries()) {
      const audit = await node.agent('audit')
      for (const options of [{ from: 'now' }, { durable: true, name: 'audit' }] as const) {
        await shop.publish('orders', 'before')
        await using orders = audit.subscribe('orders', options)
        await orders.ready
        await shop.publish('orders', `after ${i}`)
        assert.deepEqual(await take(orders, 1), [`after ${i}`])
      }
    }
  })

  it('that begin now miss nothing where what was published before is lost on its way to disk', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 8, disks: true })
    const shop = await mesh.nodes[0]!.agent('shop')
    const audit = await mesh.nodes[1]!.agent('audit')
    for (let i = 0; i < 5; i++) await shop.publish('orders', 'before')
    mesh.disk(0).syncFailure = 1
    await using orders = audit.subscribe('orders', { from: 'now' })
    await orders.ready
    mesh.disk(0).syncFailure = 0
    await shop.publish('orders', 'after', { durable: true })
    assert.deepEqual(await take(orders, 1), ['after'])
  })
})
