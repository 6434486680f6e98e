import assert from 'node:assert/strict'
import type { MeshError, Subscription } from '../../src/index.ts'
import { createMesh } from '../../src/testing/index.ts'

const delivery = 'at-least-once'
/** Long enough for both to hold each other to be dead; and for the publisher to give up what it keeps for the other. */
const [APART, LONG] = [20_000, 120_000]

interface Read {
  data: unknown[]
  errors: MeshError[]
}

/** Reads on after every gap. */
function read(subscription: Subscription): Read {
  const read: Read = { data: [], errors: [] }
  const loop = async () => {
    for (;;) {
      try {
        for await (const { data } of subscription) read.data.push(data)
        return
      } catch (error) {
        read.errors.push(error as MeshError)
      }
    }
  }
  void loop()
  return read
}

describe('repair of gaps for at-least-once subscriptions', () => {
  for (const disks of [true, false]) {
    it(`gives what was published in a long partition, in order, before anything more is published (disks: ${disks})`, async () => {
      await using mesh = await createMesh({ nodes: 2, seed: 9, disks })
      const shop = await mesh.nodes[0]!.agent('shop')
      const subscriber = await mesh.nodes[1]!.agent('subscriber')
      const orders = subscriber.subscribe('orders', { delivery })
      const everything = subscriber.subscribe('>', { delivery })
      await Promise.all([orders.ready, everything.ready])
      const [some, all] = [read(orders), read(everything)]
      await shop.publish('orders', 0)
      await mesh.advance(1_000)
      mesh.partition([0], [1])
      await mesh.advance(APART)
      for (let i = 1; i < 6; i++) {
        await shop.publish('orders', i)
        await shop.publish('other', -i)
      }
      await mesh.advance(LONG)
      assert.deepEqual(some.data, [0])
      mesh.heal()
      await mesh.advance(60_000)
      assert.deepEqual(some.data, [0, 1, 2, 3, 4, 5])
      await shop.publish('orders', 6)
      await mesh.advance(10_000)
      assert.deepEqual(some, { data: [0, 1, 2, 3, 4, 5, 6], errors: [] })
      assert.deepEqual(all, { data: [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6], errors: [] })
    })
  }

  it('gives what a publisher that crashed has on its disk, each once, and goes on', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 9, disks: true })
    const shop = await mesh.nodes[0]!.agent('shop')
    const orders = (await mesh.nodes[1]!.agent('subscriber')).subscribe('orders', { delivery })
    await orders.ready
    const got = read(orders)
    await shop.publish('orders', 0, { durable: true })
    await mesh.advance(1_000)
    mesh.partition([0], [1])
    await mesh.advance(APART)
    for (let i = 1; i < 6; i++) await shop.publish('orders', i, { durable: true })
    mesh.crash(0)
    mesh.heal()
    await mesh.restart(0)
    await (await mesh.nodes[0]!.agent('shop')).publish('orders', 6)
    await mesh.advance(60_000)
    assert.deepEqual(got, { data: [0, 1, 2, 3, 4, 5, 6], errors: [] })
  })

  it('gives what other subscribers have of a publisher that is gone, and each once when it comes back', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 9, disks: true })
    const [shop, near, far] = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
    const subscriptions = [near!, far!].map((agent) => agent.subscribe('orders', { delivery }))
    await Promise.all(subscriptions.map(({ ready }) => ready))
    const [one, two] = subscriptions.map(read)
    await shop!.publish('orders', 0, { durable: true })
    await mesh.advance(1_000)
    mesh.partition([0, 1], [2])
    await mesh.advance(APART)
    for (let i = 1; i < 6; i++) await shop!.publish('orders', i, { durable: true })
    await mesh.advance(2_000)
    mesh.crash(0)
    mesh.heal()
    await mesh.advance(LONG)
    const all = [0, 1, 2, 3, 4, 5]
    assert.deepEqual([one!.data, two!.data], [all, all])
    await mesh.restart(0)
    await (await mesh.nodes[0]!.agent('agent-0')).publish('orders', 6)
    await mesh.advance(60_000)
    const more = { data: [...all, 6], errors: [] }
    assert.deepEqual([one, two], [more, more])
  })

  for (const apart of [1_000, LONG]) {
    it(`hands nothing twice that came from others when the publisher was only cut off (for ${apart} ms more)`, async () => {
      await using mesh = await createMesh({ nodes: 3, seed: 9 })
      const [shop, near, far] = await Promise.all(mesh.nodes.map((node, i) => node.agent(`agent-${i}`)))
      const subscriptions = [near!, far!].map((agent) => agent.subscribe('orders', { delivery }))
      await Promise.all(subscriptions.map(({ ready }) => ready))
      const [one, two] = subscriptions.map(read)
      await shop!.publish('orders', 0)
      await mesh.advance(1_000)
      mesh.partition([0, 1], [2])
      await mesh.advance(APART)
      for (let i = 1; i < 4; i++) {
        await shop!.publish('orders', i)
        await mesh.advance(1_000)
      }
      // Whoever is between them comes over, the publisher does not.
      mesh.heal()
      mesh.partition([0], [1, 2])
      await mesh.advance(APART)
      assert.deepEqual(two!.data, [0, 1, 2, 3])
      await Promise.all([4, 5].map((i) => shop!.publish('orders', i)))
      await mesh.advance(apart)
      mesh.heal()
      await mesh.advance(60_000)
      await shop!.publish('orders', 6)
      await mesh.advance(10_000)
      const all = { data: [0, 1, 2, 3, 4, 5, 6], errors: [] }
      assert.deepEqual([one, two], [all, all])
    })
  }

  it('does not let a subscription that nobody reads keep the others from what follows', async () => {
    const MANY = 50
    await using mesh = await createMesh({ nodes: 2, seed: 9 })
    const shop = await mesh.nodes[0]!.agent('shop')
    const subscriber = await mesh.nodes[1]!.agent('subscriber')
    const unread = subscriber.subscribe('orders', { delivery, maxQueue: { messages: 10, bytes: 100_000 } })
    const orders = subscriber.subscribe('orders', { delivery })
    await Promise.all([unread.ready, orders.ready])
    const got = read(orders)
    await shop.publish('orders', 0)
    await mesh.advance(1_000)
    mesh.partition([0], [1])
    await mesh.advance(APART)
    for (let i = 1; i < MANY; i++) await shop.publish('orders', i)
    await mesh.advance(LONG)
    mesh.heal()
    await mesh.advance(LONG)
    await shop.publish('orders', MANY)
    await mesh.advance(10_000)
    assert.deepEqual(got, { data: Array.from({ length: MANY + 1 }, (_, i) => i), errors: [] })
    const late = read(unread)
    await mesh.advance(10_000)
    assert.equal(late.errors.length, 1)
    assert.equal(late.data.length + (late.errors[0]!.details as { messages: number }).messages, MANY + 1)
  })

  it('tells how many numbers no log has any more, before what follows them', async () => {
    const MANY = 20_000
    await using mesh = await createMesh({ nodes: 2, seed: 9 })
    const shop = await mesh.nodes[0]!.agent('shop')
    const orders = (await mesh.nodes[1]!.agent('subscriber')).subscribe('orders', { delivery })
    await orders.ready
    const got = read(orders)
    await shop.publish('orders', 0)
    await mesh.advance(1_000)
    mesh.partition([0], [1])
    await mesh.advance(APART)
    for (let i = 1; i <= MANY; i++) await shop.publish('orders', i)
    await mesh.advance(LONG)
    mesh.heal()
    await mesh.advance(120_000)
    const [error] = got.errors
    assert.equal(got.errors.length, 1)
    assert.equal(error!.code, 'ERR_GAP')
    const { messages } = error!.details as { messages: number }
    assert.ok(messages > 0 && messages < MANY)
    assert.deepEqual(got.data, [0, ...Array.from({ length: MANY - messages }, (_, i) => messages + 1 + i)])
  })
})
