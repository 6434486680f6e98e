import assert from 'node:assert/strict'
import { MeshError } from '../../../protocols/errors.ts'
import { PROTOCOL, SIGN, stations, text, WORD } from './ground.ts'

describe('opening and closing links', () => {
  it('closes what is idle, and opens it again when it is needed', async () => {
    const { time, a, b } = await stations(2, { idleTimeout: 5_000 })
    const first = a.to(b)
    first.send(WORD, text('one'), true)
    await time.advance(4_000)
    assert.equal(first.closed, false)
    await time.advance(3_000)
    assert.equal(first.closed, true)
    assert.deepEqual(
      b.closed_.map(({ error }) => error),
      [undefined]
    )
    const second = a.to(b)
    assert.notEqual(second, first)
    second.send(WORD, text('two'), true)
    await time.advance(50)
    assert.deepEqual(b.texts, ['one', 'two'])
  })

  it('keeps an idle link over which something is expected', async () => {
    const { time, a, b } = await stations(2, { idleTimeout: 5_000 })
    a.keptOpen = true
    const link = a.to(b)
    link.send(WORD, text('one'), true)
    await time.advance(60_000)
    assert.equal(link.closed, false)
  })

  it('waits longer and longer for a peer that cannot be reached, with jitter, and reaches it at last', async () => {
    const { world, time, a, b } = await stations(2, {}, { timeout: 100 })
    world.cut('a', 'b')
    const delays: number[] = []
    for (let i = 0; i < 14; i++) {
      const began = time.now
      const link = a.to(b)
      link.send(SIGN, text('lost'), false)
      while (!link.closed) await time.advance(20)
      assert.equal((a.closed_.at(-1)!.error as { code?: string }).code, 'ERR_PEER_UNREACHABLE')
      delays.push(time.now - began)
    }
    assert.ok(Math.max(...delays.slice(0, 3)) < 400, `${delays}`)
    assert.ok(Math.max(...delays.slice(8)) > 1_000, `${delays}`)
    assert.ok(Math.max(...delays) < 5_200, `${delays}`)
    assert.ok(new Set(delays.slice(8)).size > 2, 'jitter')
    world.heal('a', 'b')
    a.to(b).send(WORD, text('at last'), true)
    await time.advance(6_000)
    assert.deepEqual(b.texts, ['at last'])
  })

  it('counts links that failed together as one failure', async () => {
    const { time, a, b } = await stations(2)
    const { host } = a.place.network
    const failing: (() => void)[] = []
    host.open = () =>
      new Promise((_, reject) => failing.push(() => reject(new MeshError('ERR_PEER_UNREACHABLE', 'it is not there'))))
    const lanes = ['control', 'normal', 'bulk'] as const
    let longest = 0
    for (let round = 0; round < 4; round++) {
      for (const lane of lanes) a.to(b, lane)
      const began = time.now
      while (failing.length < lanes.length) await time.advance(1)
      longest = Math.max(longest, time.now - began)
      for (const fail of failing.splice(0)) fail()
      await time.advance(0)
    }
    // Three failures of 50 ms, doubling: 200. Nine would be 5 s.
    assert.ok(longest <= 202, `${longest}`)
  })

  it('waits no longer for a peer that it hears is reachable', async () => {
    const { world, time, a, b } = await stations(2, {}, { timeout: 100 })
    world.cut('a', 'b')
    const lanes = ['normal', 'bulk'] as const
    for (let i = 0; i < 10; i++) {
      const links = lanes.map((lane) => a.to(b, lane))
      while (links.some(({ closed }) => !closed)) await time.advance(20)
    }
    const waiting = lanes.map((lane) => a.to(b, lane))
    for (const link of waiting) link.send(WORD, text(link.lane), true)
    world.heal('a', 'b')
    await time.advance(10)
    assert.deepEqual(b.texts, [], 'the back-off is longer than that')
    a.table.reachable(b.peer)
    await time.advance(10)
    assert.deepEqual(b.texts.sort(), ['bulk', 'normal'])
    assert.ok(waiting.every(({ closed }) => !closed))
  })

  it('gives up a stream that does not open, within the handshake’s time', async () => {
    const { time, a, b } = await stations(2, { handshakeTimeout: 1_000 })
    const { host } = a.place.network
    host.open = (_peer, _protocol, options) =>
      new Promise((_, reject) => options?.signal?.addEventListener('abort', () => reject(options.signal?.reason)))
    const link = a.to(b)
    link.send(WORD, text('x'), true)
    await time.advance(1_100)
    assert.equal(link.closed, true)
    assert.equal((a.closed_[0]!.error as { code?: string }).code, 'ERR_TIMEOUT')
    assert.equal(link.unsent, 1)
  })

  it('gives up a peer that takes the stream and says nothing', async () => {
    const { world, time, a } = await stations(1, { handshakeTimeout: 2_000 })
    const { host } = (await world.place('mute')).network
    await host.start()
    host.handle(`${PROTOCOL}/normal`, (channel) => {
      channel.onBytes = channel.onClose = () => {}
    })
    a.place.network.host.learn(host.peer, host.addresses())
    const link = a.table.to(host.peer, PROTOCOL, 'normal')
    for (let i = 0; i < 4; i++) {
      if (!link.closed) link.send(WORD, text('x'), true)
      await time.advance(1_000)
    }
    assert.equal(link.closed, true)
    assert.equal((a.closed_[0]!.error as { code?: string }).code, 'ERR_LIMIT')
  })

  it('tells both ends when the connection goes, and starts anew', async () => {
    const { world, time, a, b } = await stations(2, {}, { timeout: 1_000 })
    const link = a.to(b)
    link.send(WORD, text('one'), true)
    await time.advance(50)
    world.cut('a', 'b')
    await time.advance(2_000)
    assert.equal(link.closed, true)
    assert.equal(a.closed_.length, 1)
    assert.equal(b.closed_.length, 1)
    world.heal('a', 'b')
    a.to(b).send(WORD, text('two'), true)
    await time.advance(1_000)
    assert.deepEqual(b.texts, ['one', 'two'])
  })

  it('opens nothing once it is stopped, and takes nothing', async () => {
    const { time, a, b } = await stations(2)
    a.to(b).send(WORD, text('one'), true)
    await time.advance(50)
    await time.run(a.table.stop(), 10_000)
    assert.throws(() => a.to(b), { code: 'ERR_STOPPED' })
    b.to(a).send(WORD, text('late'), true)
    await time.advance(100)
    assert.deepEqual(a.received, [])
    assert.deepEqual([...a.table.all()], [])
  })

  it('has no link for a protocol that nobody registered', async () => {
    const { a, b } = await stations(2)
    assert.throws(() => a.table.to(b.peer, '/unknown/1.0.0', 'normal'), { code: 'ERR_UNSUPPORTED' })
  })
})
