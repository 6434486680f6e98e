import assert from 'node:assert/strict'
import { collect, createTestMesh, message, type TestNode } from './mesh.ts'

const small = { highWatermark: 20, lowWatermark: 5, maxQueue: { messages: 40, bytes: 2 ** 20 } }
/** Fewer frames than messages, as the first credit of a link: links begin with 1,024. */
const window = { frames: 1_024, bytes: 2 ** 20 }
const MANY = 3_000

/** Publishes one message after another, each as soon as the one before was handed over. */
function stream({ pubsub, place }: TestNode, count: number): { done: number; finished: Promise<void> } {
  const progress = { done: 0, finished: Promise.resolve() }
  progress.finished = (async () => {
    for (let i = 0; i < count; i++) {
      await pubsub.publish(message('n', i))
      progress.done++
      // Time of its own for each: each is a frame of its own.
      await new Promise<void>((resolve) => place.clock.after(1, resolve))
    }
  })()
  return progress
}

describe('a slow subscriber', () => {
  it('that rejects slows its publisher and loses nothing; its neighbours lose nothing either', async () => {
    const mesh = await createTestMesh(3, { window, limits: { stall: 60_000 } })
    const [a, b, c] = mesh.nodes
    const slow = b!.pubsub.subscribe('n', { ...small, overflow: 'reject' }, 'slow')
    const fast = b!.pubsub.subscribe('n')
    const elsewhere = c!.pubsub.subscribe('n')
    await mesh.world.time.run(Promise.all([slow.ready, fast.ready, elsewhere.ready]), 5_000)
    const lists = [fast, elsewhere].map(collect)
    const progress = stream(a!, MANY)
    await mesh.world.time.advance(3_000)
    assert.ok(progress.done < 1_500, `the publisher went on: ${progress.done}`)
    assert.equal(slow.stats().dropped, 0)
    assert.ok(b!.events.some((event) => event.kind === 'slow-consumer' && event.owner === 'slow' && !event.released))
    const late = collect(slow)
    await mesh.world.time.run(progress.finished, 60_000)
    await mesh.world.time.advance(1_000)
    const expected = Array.from({ length: MANY }, (_, i) => i)
    for (const list of [...lists, late])
      assert.deepEqual(
        list.map(({ data }) => data),
        expected
      )
    await mesh.stop()
  })

  it('that rejects holds up its publisher for the stall only, then sheds by itself', async () => {
    const mesh = await createTestMesh(2, { window, limits: { stall: 2_000 } })
    const [a, b] = mesh.nodes
    const slow = b!.pubsub.subscribe('n', { ...small, overflow: 'reject' }, 'slow')
    const fast = b!.pubsub.subscribe('n')
    await mesh.world.time.run(Promise.all([slow.ready, fast.ready]), 5_000)
    const read = collect(fast)
    const progress = stream(a!, MANY)
    await mesh.world.time.run(progress.finished, 60_000)
    await mesh.world.time.advance(1_000)
    assert.equal(read.length, MANY)
    const { queued, dropped } = slow.stats()
    assert.equal(queued + dropped, MANY)
    assert.ok(dropped > 0 && queued > 40)
    const rest = collect(slow)
    await mesh.world.time.advance(1_000)
    assert.equal(rest.length, queued)
    await a!.pubsub.publish(message('n', 'again'))
    await mesh.world.time.advance(1_000)
    assert.equal(rest.at(-1)!.data, 'again')
    assert.ok(b!.events.some((event) => event.kind === 'slow-consumer' && event.released))
    await mesh.stop()
  })

  it('on the publishing node slows the publisher the same way', async () => {
    const mesh = await createTestMesh(1)
    const { pubsub } = mesh.nodes[0]!
    const slow = pubsub.subscribe('n', { ...small, overflow: 'reject' })
    const progress = stream(mesh.nodes[0]!, 100)
    await mesh.world.time.advance(1_000)
    assert.equal(progress.done, 20)
    await assert.rejects(pubsub.publish(message('n', 0), { timeout: 0 }), { code: 'ERR_BACKPRESSURE' })
    const timed = pubsub.publish(message('n', 0), { timeout: 100 })
    await assert.rejects(mesh.world.time.run(timed, 1_000), { code: 'ERR_TIMEOUT' })
    const other = await pubsub.publish(message('other', 0), { timeout: 0 })
    assert.equal(other.path, 'local')
    const read = collect(slow)
    await mesh.world.time.run(progress.finished, 5_000)
    assert.deepEqual(
      read.map(({ data }) => data),
      Array.from({ length: 100 }, (_, i) => i)
    )
    await mesh.stop()
  })

  it('makes those who do not wait fail once what waits is too much', async () => {
    const mesh = await createTestMesh(1, { limits: { waitingBytes: 10_000 } })
    const { pubsub } = mesh.nodes[0]!
    const slow = pubsub.subscribe('n', { ...small, overflow: 'reject' })
    const outcomes: Record<string, number> = {}
    const all = Array.from({ length: 200 }, (_, i) =>
      pubsub.publish(message('n', i)).then(
        () => (outcomes.sent = (outcomes.sent ?? 0) + 1),
        ({ code }) => (outcomes[code] = (outcomes[code] ?? 0) + 1)
      )
    )
    const read = collect(slow)
    await mesh.world.time.run(Promise.all(all), 5_000)
    assert.ok(outcomes.ERR_QUEUE_FULL! > 100, JSON.stringify(outcomes))
    assert.equal(read.length, outcomes.sent)
    await mesh.stop()
  })

  for (const where of ['on another node', 'on the publishing node']) {
    it(`at least once ${where} that nobody reads is waited for, not for ever, and told what it missed`, async () => {
      const mesh = await createTestMesh(2, { window, limits: { retention: 2_000, windowBytes: 20_000 } })
      const [a, b] = mesh.nodes
      const home = where === 'on another node' ? b! : a!
      const slow = home.pubsub.subscribe('n', { ...small, delivery: 'at-least-once' }, 'slow')
      const other = b!.pubsub.subscribe('n', { delivery: 'at-least-once' })
      await mesh.world.time.run(Promise.all([slow.ready, other.ready]), 5_000)
      const read = collect(other)
      const progress = stream(a!, MANY)
      const messages = slow[Symbol.asyncIterator]()
      let taken = 0
      for (; taken < 10; taken++) {
        // As long as it reads at all it is waited for.
        assert.equal((await mesh.world.time.run(messages.next(), 1_000)).value!.data, taken)
        await mesh.world.time.advance(1_000)
      }
      assert.equal(slow.stats().dropped, 0)
      await mesh.world.time.run(progress.finished, 60_000)
      await mesh.world.time.advance(1_000)
      assert.equal(read.length, MANY)
      const { dropped } = slow.stats()
      assert.ok(dropped > 0)
      for (; taken < MANY - dropped; taken++) {
        assert.equal((await mesh.world.time.run(messages.next(), 1_000)).value!.data, taken)
      }
      await assert.rejects(mesh.world.time.run(messages.next(), 1_000), {
        code: 'ERR_GAP',
        details: { publisher: a!.peer, messages: dropped }
      })
      await a!.pubsub.publish(message('n', 'again'))
      assert.equal((await mesh.world.time.run(messages.next(), 1_000)).value!.data, 'again')
      await mesh.stop()
    })
  }

  it('that hangs altogether does not stop a publisher for ever', async () => {
    const mesh = await createTestMesh(3, { window, limits: { stall: 2_000 }, timeout: 1e9 })
    const [a, b, c] = mesh.nodes
    const dead = b!.pubsub.subscribe('n')
    const alive = c!.pubsub.subscribe('n')
    await mesh.world.time.run(Promise.all([dead.ready, alive.ready]), 5_000)
    const read = collect(alive)
    mesh.world.crash('node-1', { silent: true })
    const progress = stream(a!, MANY)
    await mesh.world.time.run(progress.finished, 60_000)
    await mesh.world.time.advance(1_000)
    assert.equal(read.length, MANY)
    assert.ok(a!.events.some((event) => event.kind === 'undelivered' && event.peer === b!.peer))
  })
})
