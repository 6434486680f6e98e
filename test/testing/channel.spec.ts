import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { WorldOptions } from '../../src/testing/world.ts'
import { hosts, listen, text } from './hosts.ts'

/** Two ends of one channel. */
async function pair(options: WorldOptions = {}) {
  const {
    world,
    hosts: [a, b],
    accepted
  } = await hosts(2, options)
  const near = listen(await world.time.run(a!.open(b!.peer, '/test'), 60_000))
  return { world, near, far: accepted[1]![0]! }
}

describe('a simulated channel', () => {
  it('carries bytes both ways and names the peer, the protocol and the direction', async () => {
    const { world, near, far } = await pair()
    near.channel.write(text('ping'))
    far.channel.write(text('pong'))
    await world.time.advance(50)
    assert.equal(far.text(), 'ping')
    assert.equal(near.text(), 'pong')
    assert.deepEqual([near.channel.direction, far.channel.direction], ['outbound', 'inbound'])
    assert.equal(far.channel.protocol, '/test')
  })

  it('is ordered and whole under any loss, delay and fragmentation', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 5_000 }), { maxLength: 30 }),
        async (seed, writes) => {
          const { world, near, far } = await pair({ seed, loss: 0.2, latency: [1, 100], fragmentation: 0.5 })
          for (const bytes of writes) near.channel.write(bytes)
          await world.time.advance(600_000)
          assert.deepEqual(Buffer.concat(far.chunks), Buffer.concat(writes))
        }
      ),
      { numRuns: 30 }
    )
  })

  it('makes what follows a lost segment wait for its retransmission', async () => {
    const { world, near, far } = await pair({ seed: 3, loss: 0.5, latency: [1, 1], retransmission: 200 })
    const start = world.time.now
    for (let i = 0; i < 20; i++) near.channel.write(text('x'))
    await world.time.advance(10)
    assert.ok(far.chunks.length < 20, `all arrived by ${world.time.now - start} ms`)
    await world.time.advance(600_000)
    assert.equal(far.chunks.length, 20)
  })

  it('takes as long as the bandwidth says', async () => {
    const { world, near, far } = await pair({ latency: [0, 0], bandwidth: 1_000_000, fragmentation: 0 })
    near.channel.write(new Uint8Array(100_000))
    await world.time.advance(99)
    assert.equal(far.chunks.length, 0)
    await world.time.advance(2)
    assert.equal(far.chunks.length, 1)
  })

  it('asks the writer to wait above the high-water mark, and calls it back once', async () => {
    const { world, near, far } = await pair()
    far.channel.pause()
    const answers = [1, 2, 3].map(() => near.channel.write(new Uint8Array(128 * 1_024)))
    assert.deepEqual(answers, [true, true, false])
    await world.time.advance(1_000)
    assert.deepEqual([far.chunks.length, near.drains], [0, 0])
    far.channel.resume()
    await world.time.advance(1_000)
    assert.equal(Buffer.concat(far.chunks).length, 3 * 128 * 1_024)
    assert.equal(near.drains, 1)
    assert.equal(near.channel.write(text('x')), true)
  })

  it('hands over nothing while it is paused, not even to a handler that pauses in its midst', async () => {
    const { world, near, far } = await pair({ fragmentation: 0 })
    far.channel.onBytes = (chunk) => {
      far.chunks.push(chunk)
      far.channel.pause()
    }
    for (const word of ['one', 'two', 'three']) near.channel.write(text(word))
    await world.time.advance(100)
    assert.equal(far.text(), 'one')
    far.channel.resume()
    assert.equal(far.text(), 'onetwo')
    far.channel.resume()
    assert.equal(far.text(), 'onetwothree')
  })

  it('flushes before it closes, and tells each side once', async () => {
    const { world, near, far } = await pair()
    near.channel.write(text('last words'))
    await world.time.run(near.channel.close(), 1_000)
    await world.time.advance(100)
    assert.equal(far.text(), 'last words')
    assert.deepEqual([near.closes, far.closes], [['good order'], ['good order']])
    await near.channel.close()
    near.channel.abort(new Error('too late'))
    assert.deepEqual(near.closes, ['good order'])
  })

  it('closes at the far side only when its owner has read everything', async () => {
    const { world, near, far } = await pair()
    far.channel.pause()
    near.channel.write(text('unread'))
    await world.time.run(near.channel.close(), 1_000)
    await world.time.advance(1_000)
    assert.deepEqual([far.text(), far.closes], ['', []])
    far.channel.resume()
    assert.deepEqual([far.text(), far.closes], ['unread', ['good order']])
  })

  it('keeps what came before it had an owner', async () => {
    const {
      world,
      hosts: [a, b]
    } = await hosts(2)
    b!.handle('/unowned', (channel) => {
      channel.write(text('from the far end'))
      void channel.close()
    })
    const channel = await world.time.run(a!.open(b!.peer, '/unowned'), 1_000)
    await world.time.advance(1_000)
    const late = listen(channel)
    await world.time.advance(0)
    assert.deepEqual([late.text(), late.closes], ['from the far end', ['good order']])
  })

  it('resets at once: the aborter keeps its own error, the peer sees another', async () => {
    const { world, near, far } = await pair()
    near.channel.abort(Object.assign(new Error('enough'), { code: 'ERR_OWN' }))
    assert.deepEqual(near.closes, ['ERR_OWN'])
    await world.time.advance(100)
    assert.deepEqual(far.closes, ['ERR_LINK_CLOSED'])
    far.channel.write(text('into the void'))
    await world.time.advance(100)
    assert.equal(near.text(), '')
  })
})
