import assert from 'node:assert/strict'
import { collect, createTestMesh, message } from './mesh.ts'

describe('publish-subscribe', () => {
  it('delivers over links to who wants the topic, in order, each once', async () => {
    const mesh = await createTestMesh(3)
    const [a, b, c] = mesh.nodes as [(typeof mesh.nodes)[0], (typeof mesh.nodes)[0], (typeof mesh.nodes)[0]]
    const exact = b.pubsub.subscribe('orders.eu.created')
    const star = b.pubsub.subscribe('orders.*.created')
    const tail = c.pubsub.subscribe('orders.>')
    const other = c.pubsub.subscribe('alerts.>')
    await mesh.world.time.run(Promise.all([exact.ready, star.ready, tail.ready, other.ready]), 10_000)
    const read = [exact, star, tail, other].map(collect)
    for (let i = 0; i < 100; i++) void a.pubsub.publish(message('orders.eu.created', i))
    await mesh.world.time.advance(1_000)
    const expected = Array.from({ length: 100 }, (_, i) => i)
    for (const list of read.slice(0, 3))
      assert.deepEqual(
        list.map((message) => message.data),
        expected
      )
    assert.deepEqual(read[3], [])
    const { batches } = a.pubsub.stats()
    assert.deepEqual(batches, { direct: 2, gossip: 0 })
    await mesh.stop()
  })

  it('gives each subscriber its own data, the publisher included', async () => {
    const mesh = await createTestMesh(1)
    const { pubsub } = mesh.nodes[0]!
    const subscriptions = [pubsub.subscribe('a'), pubsub.subscribe('a', { filter: () => true })]
    const data = { list: [1] }
    const evidence = await pubsub.publish(message('a', data))
    assert.equal(evidence.path, 'local')
    const [first, second] = await Promise.all(subscriptions.map((s) => s[Symbol.asyncIterator]().next()))
    assert.deepEqual(first!.value.data, data)
    for (const value of [first!.value.data, second!.value.data]) assert.notEqual(value, data)
    first!.value.data.list.push(2)
    assert.deepEqual(second!.value.data, { list: [1] })
    await mesh.stop()
  })

  it('waits for subscribers and returns evidence of each', async () => {
    const mesh = await createTestMesh(3)
    const [a, b, c] = mesh.nodes
    const publication = a!.pubsub.publish(message('news.today', 1), { waitFor: { subscribers: 3 }, timeout: 5_000 })
    await mesh.world.time.advance(100)
    b!.pubsub.subscribe('news.*', { filter: () => false })
    b!.pubsub.subscribe('news.*')
    c!.pubsub.subscribe('news.>')
    const evidence = await mesh.world.time.run(publication, 5_000)
    assert.equal(evidence.subscribers, 3)
    assert.equal(evidence.path, 'direct')
    assert.equal(evidence.acknowledged, true)
    assert.deepEqual(
      evidence.peers.toSorted((x, y) => y.subscribers - x.subscribers),
      [
        { peer: b!.peer, subscribers: 2 },
        { peer: c!.peer, subscribers: 1 }
      ]
    )
    await mesh.stop()
  })

  it('fails with the evidence so far when subscribers do not come in time', async () => {
    const mesh = await createTestMesh(2)
    const [a, b] = mesh.nodes
    b!.pubsub.subscribe('news')
    await mesh.world.time.advance(1_000)
    const late = a!.pubsub.publish(message('news', 1), { waitFor: { subscribers: 2 }, timeout: 300 })
    await assert.rejects(
      mesh.world.time.run(late, 1_000),
      (error: { code: string; details: { evidence: { subscribers: number } } }) => {
        assert.equal(error.code, 'ERR_TIMEOUT')
        assert.equal(error.details.evidence.subscribers, 0)
        return true
      }
    )
    const aborted = a!.pubsub.publish(message('news', 1), { waitFor: { subscribers: 2 }, signal: AbortSignal.abort() })
    await assert.rejects(aborted, { code: 'ERR_ABORTED' })
    await mesh.stop()
  })

  it('fails when an asked node is gone and the others are too few', async () => {
    const mesh = await createTestMesh(2)
    const [a, b] = mesh.nodes
    b!.pubsub.subscribe('news')
    a!.pubsub.subscribe('news')
    await mesh.world.time.advance(1_000)
    mesh.world.crash('node-1', { silent: true })
    const publication = a!.pubsub.publish(message('news', 1), { waitFor: { subscribers: 2 }, timeout: 2_000 })
    await assert.rejects(
      mesh.world.time.run(publication, 5_000),
      (error: { code: string; details: { evidence: { peers: unknown } } }) => {
        assert.equal(error.code, 'ERR_TIMEOUT')
        assert.deepEqual(error.details.evidence.peers, [{ peer: a!.peer, subscribers: 1 }])
        return true
      }
    )
  })

  it('runs filters at the subscriber; one that throws is counted and tells', async () => {
    const mesh = await createTestMesh(2)
    const [a, b] = mesh.nodes
    const subscription = b!.pubsub.subscribe(
      'n',
      {
        filter: ({ data }) => {
          if (data === 3) throw new Error('no threes')
          return (data as number) % 2 === 1
        }
      },
      'odd'
    )
    await mesh.world.time.run(subscription.ready, 5_000)
    const read = collect(subscription)
    for (let i = 0; i < 6; i++) void a!.pubsub.publish(message('n', i))
    await mesh.world.time.advance(500)
    assert.deepEqual(
      read.map(({ data }) => data),
      [1, 5]
    )
    assert.deepEqual(
      { ...subscription.stats() },
      {
        ...{ received: 6, delivered: 2, filtered: 3, filterErrors: 1, dropped: 0, malformed: 0, expired: 0 },
        ...{ redelivered: 0, queued: 0, queuedBytes: 0 }
      }
    )
    const event = b!.events.find(({ kind }) => kind === 'filter-error')
    assert.ok(event?.kind === 'filter-error' && event.owner === 'odd' && event.errors === 1)
    await mesh.stop()
  })

  it('drops by policy, counts every drop, and tells of a flood in few words', async () => {
    const mesh = await createTestMesh(1)
    const { pubsub, events } = mesh.nodes[0]!
    const maxQueue = { messages: 10, bytes: 100_000 }
    const oldest = pubsub.subscribe('n', { maxQueue }, 'a')
    const newest = pubsub.subscribe('n', { maxQueue, overflow: 'drop-newest' }, 'b')
    for (let i = 0; i < 1_000; i++) await pubsub.publish(message('n', i))
    await mesh.world.time.advance(1_500)
    assert.equal(oldest.stats().dropped, 990)
    assert.equal(newest.stats().dropped, 990)
    const overflows = events.filter((event) => event.kind === 'overflow')
    assert.equal(overflows.length, 4)
    for (const owner of ['a', 'b']) {
      const told = overflows.filter((event) => event.owner === owner).reduce((sum, event) => sum + event.messages, 0)
      assert.equal(told, 990)
    }
    const first = async (s: typeof oldest) => (await s[Symbol.asyncIterator]().next()).value.data
    assert.equal(await first(oldest), 990)
    assert.equal(await first(newest), 0)
    await mesh.stop()
  })

  it('names what it does not support', async () => {
    const mesh = await createTestMesh(1)
    const { pubsub } = mesh.nodes[0]!
    for (const options of [
      { name: 'audit' },
      { name: '', durable: true },
      { durable: 'yes' },
      { from: 'yesterday' },
      { from: {} },
      { delivery: 'at-most-once', from: 'start' },
      { overflow: 'drop-oldest', from: 'start' },
      { delivery: 'exactly-once' },
      { overflow: 'drop-oldest', delivery: 'at-least-once' },
      { overflow: 'drop-newest', delivery: 'at-least-once' },
      { overflow: 'forget' },
      { lowWatermark: 5, highWatermark: 5 },
      { highWatermark: 3_000 }
    ]) {
      const key = Object.keys(options)[0]!
      assert.throws(
        () => pubsub.subscribe('a', options as never),
        (error: { code: string; details: { key: string } }) => {
          assert.equal(error.code, 'ERR_CONFIG')
          assert.equal(error.details.key, key)
          return true
        }
      )
    }
    assert.throws(() => pubsub.subscribe('a..b'), { code: 'ERR_INVALID_TOPIC' })
    await assert.rejects(pubsub.publish(message('a.*', 1)), { code: 'ERR_INVALID_TOPIC' })
    await assert.rejects(pubsub.publish(message('a', 1), { waitFor: { subscribers: 0 } }), { code: 'ERR_CONFIG' })
    await mesh.stop()
    await assert.rejects(pubsub.publish(message('a', 1)), { code: 'ERR_STOPPED' })
  })

  it('gives no message to a reader that has left', async () => {
    const mesh = await createTestMesh(1)
    const { pubsub } = mesh.nodes[0]!
    const subscription = pubsub.subscribe('n')
    const [left, stays] = [subscription[Symbol.asyncIterator](), subscription[Symbol.asyncIterator]()]
    const asked = [left.next(), stays.next(), left.next()]
    await left.return?.()
    await pubsub.publish(message('n', 1))
    await pubsub.publish(message('n', 2))
    const [first, second, third] = await Promise.all(asked)
    assert.deepEqual([first!.done, second!.value.data, third!.done], [true, 1, true])
    assert.equal((await stays.next()).value.data, 2)
    await mesh.stop()
  })

  it('forgets a subscription that is closed, everywhere', async () => {
    const mesh = await createTestMesh(2)
    const [a, b] = mesh.nodes
    const subscription = b!.pubsub.subscribe('n')
    await mesh.world.time.run(subscription.ready, 5_000)
    await subscription.close()
    await mesh.world.time.advance(1_000)
    assert.equal((await a!.pubsub.publish(message('n', 1))).path, 'local')
    assert.equal((await subscription[Symbol.asyncIterator]().next()).done, true)
    const early = b!.pubsub.subscribe('n')
    await early.close()
    await assert.rejects(mesh.world.time.run(early.ready, 5_000), { code: 'ERR_ABORTED' })
    await mesh.stop()
  })
})
