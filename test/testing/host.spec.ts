import assert from 'node:assert/strict'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { acceptAll, hosts, introduce, listen, text } from './hosts.ts'

describe('a simulated host', () => {
  it('has a PeerId and addresses that real code can parse, the same for the same seed', async () => {
    const { hosts: first } = await hosts(2, { seed: 7 })
    const { hosts: again } = await hosts(2, { seed: 7 })
    const { hosts: other } = await hosts(2, { seed: 8 })
    assert.equal(peerIdFromString(first[0]!.peer).type, 'Ed25519')
    assert.equal(multiaddr(first[0]!.addresses()[0]).toString(), first[0]!.addresses()[0])
    assert.deepEqual(
      first.map(({ peer }) => peer),
      again.map(({ peer }) => peer)
    )
    assert.notEqual(first[0]!.peer, other[0]!.peer)
    assert.notEqual(first[0]!.peer, first[1]!.peer)
  })

  it('dials by address, and both sides learn of each other', async () => {
    const {
      world,
      hosts: [a, b]
    } = await hosts(2)
    const seen: string[] = []
    a!.onConnect = (peer) => seen.push(`a sees ${peer === b!.peer ? 'b' : '?'}`)
    b!.onConnect = (peer) => seen.push(`b sees ${peer === a!.peer ? 'a' : '?'}`)
    assert.equal(await world.time.run(a!.dial(b!.addresses()[0]!), 1_000), b!.peer)
    assert.deepEqual(seen, ['b sees a', 'a sees b'])
    assert.deepEqual([a!.connected(), b!.connected()], [[b!.peer], [a!.peer]])
    assert.equal(a!.transportTo(b!.peer), 'memory')
  })

  it('makes one connection of dials from both ends at once', async () => {
    const {
      world,
      hosts: [a, b]
    } = await hosts(2)
    let connects = 0
    a!.onConnect = () => connects++
    b!.onConnect = () => connects++
    await world.time.run(Promise.all([a!.dial(b!.peer), b!.dial(a!.peer), a!.dial(b!.peer)]), 1_000)
    await world.time.advance(1_000)
    assert.equal(connects, 2)
  })

  it('is not brought back by the answer to its last dial', async () => {
    const { world, hosts: all } = await hosts(3, { latency: [5, 6] })
    const [dialler, stopped, listener] = all
    const late: string[] = []
    dialler!.onConnect = stopped!.onConnect = (peer) => late.push(peer)
    const connected = (): boolean => listener!.isConnected(dialler!.peer) && listener!.isConnected(stopped!.peer)
    void dialler!.dial(listener!.peer)
    const dial = stopped!.dial(listener!.peer)
    while (!connected()) await world.time.advance(0.1)
    world.crash('a')
    await stopped!.stop()
    await assert.rejects(world.time.run(dial, 1_000), { code: 'ERR_PEER_UNREACHABLE' })
    await world.time.advance(1_000)
    assert.deepEqual([late, listener!.connected()], [[], []])
  })

  it('cannot reach strangers, wrong identities, stopped hosts, nor itself', async () => {
    const {
      world,
      hosts: [a, b, c]
    } = await hosts(3)
    const unreachable = { code: 'ERR_PEER_UNREACHABLE' }
    await c!.stop()
    for (const target of [
      '12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7',
      '/memory/nobody',
      `/memory/b/p2p/${c!.peer}`,
      c!.peer,
      a!.peer
    ]) {
      await assert.rejects(world.time.run(a!.dial(target), 1_000), unreachable, target)
    }
    await assert.rejects(world.time.run(c!.dial(b!.peer), 1_000), { code: 'ERR_STOPPED' })
  })

  it('refuses a protocol that the peer does not speak', async () => {
    const {
      world,
      hosts: [a, b]
    } = await hosts(2)
    await assert.rejects(world.time.run(a!.open(b!.peer, '/unknown'), 1_000), { code: 'ERR_UNSUPPORTED' })
  })

  it('takes one handler for a protocol', async () => {
    const {
      hosts: [a]
    } = await hosts(1)
    assert.throws(() => a!.handle('/test', () => undefined), { code: 'ERR_ALREADY_REGISTERED' })
  })

  it('bounds the wait by the signal, and leaves no channel behind', async () => {
    const {
      world,
      hosts: [a, b],
      accepted
    } = await hosts(2, { latency: [50, 50] })
    const controller = new AbortController()
    const opening = a!.open(b!.peer, '/test', { signal: controller.signal })
    world.time.clock().after(220, () => controller.abort())
    await assert.rejects(world.time.run(opening, 1_000), { code: 'ERR_ABORTED' })
    await world.time.advance(1_000)
    assert.deepEqual(
      accepted[1]!.map(({ closes }) => closes),
      [['ERR_LINK_CLOSED']]
    )
  })

  it('ends channels on both sides in good order when it hangs up or stops', async () => {
    for (const way of ['hangUp', 'stop'] as const) {
      const {
        world,
        hosts: [a, b],
        accepted
      } = await hosts(2)
      const near = listen(await world.time.run(a!.open(b!.peer, '/test'), 1_000))
      const gone: string[] = []
      a!.onDisconnect = () => gone.push('a')
      b!.onDisconnect = () => gone.push('b')
      near.channel.write(text('bye'))
      await a![way](b!.peer)
      await world.time.advance(100)
      const far = accepted[1]![0]!
      assert.deepEqual([near.closes, far.text(), far.closes, gone], [['good order'], 'bye', ['good order'], ['a', 'b']])
    }
  })

  it('signs what others verify, and nobody else can', async () => {
    const {
      hosts: [a, b]
    } = await hosts(2)
    const signature = await a!.sign(text('mine'))
    assert.equal(await b!.verify(a!.peer, text('mine'), signature), true)
    assert.equal(await b!.verify(a!.peer, text('yours'), signature), false)
    assert.equal(await b!.verify(b!.peer, text('mine'), signature), false)
  })

  describe('cut off from another', () => {
    it('stalls, then resets both sides; dials fail until the cut is healed', async () => {
      const {
        world,
        hosts: [a, b],
        accepted
      } = await hosts(2, { timeout: 5_000 })
      const near = listen(await world.time.run(a!.open(b!.peer, '/test'), 1_000))
      world.cut('a', 'b')
      near.channel.write(text('into the dark'))
      await world.time.advance(4_900)
      assert.deepEqual([accepted[1]![0]!.text(), near.closes, a!.connected()], ['', [], [b!.peer]])
      await world.time.advance(200)
      assert.deepEqual([near.closes, accepted[1]![0]!.closes], [['ERR_LINK_CLOSED'], ['ERR_LINK_CLOSED']])
      assert.deepEqual([a!.connected(), b!.connected()], [[], []])
      await assert.rejects(world.time.run(a!.dial(b!.peer), 60_000), { code: 'ERR_PEER_UNREACHABLE' })
      world.heal('a', 'b')
      await world.time.run(a!.dial(b!.peer), 1_000)
    })

    it('loses nothing when the cut is healed in time', async () => {
      const {
        world,
        hosts: [a, b],
        accepted
      } = await hosts(2, { timeout: 5_000 })
      const near = listen(await world.time.run(a!.open(b!.peer, '/test'), 1_000))
      world.cut('a', 'b')
      near.channel.write(text('early '))
      await world.time.advance(3_000)
      world.heal('a', 'b')
      near.channel.write(text('late'))
      await world.time.advance(10_000)
      assert.deepEqual([accepted[1]![0]!.text(), near.closes], ['early late', []])
    })
  })

  describe('crashed', () => {
    it('is noticed at once where its machine lives on, and never runs again', async () => {
      const {
        world,
        places,
        hosts: [a, b]
      } = await hosts(2)
      const near = listen(await world.time.run(a!.open(b!.peer, '/test'), 1_000))
      let ran = false
      places[1]!.clock.after(10, () => {
        ran = true
      })
      world.crash('b')
      near.channel.write(text('anybody?'))
      await world.time.advance(100)
      assert.deepEqual([near.closes, a!.connected(), ran], [['ERR_LINK_CLOSED'], [], false])
      await assert.rejects(world.time.run(a!.dial(b!.peer), 1_000), { code: 'ERR_PEER_UNREACHABLE' })
    })

    it('leaves a half-open connection where the machine went too, until the time-out', async () => {
      const {
        world,
        hosts: [a, b]
      } = await hosts(2, { timeout: 5_000 })
      const near = listen(await world.time.run(a!.open(b!.peer, '/test'), 1_000))
      world.crash('b', { silent: true })
      near.channel.write(text('anybody?'))
      await world.time.advance(4_900)
      assert.deepEqual([near.closes, a!.isConnected(b!.peer)], [[], true])
      await world.time.advance(200)
      assert.deepEqual([near.closes, a!.isConnected(b!.peer)], [['ERR_LINK_CLOSED'], false])
    })

    it('comes back under its identity, with other dice', async () => {
      const {
        world,
        places,
        hosts: [a, b]
      } = await hosts(2)
      await world.time.run(a!.dial(b!.peer), 1_000)
      world.crash('b')
      const reborn = await world.place('b')
      const heard = acceptAll(reborn)
      await reborn.network.host.start()
      introduce([places[0]!, reborn])
      assert.equal(reborn.network.host.peer, b!.peer)
      assert.notDeepEqual(reborn.dice.bytes(8), places[1]!.dice.bytes(8))
      const near = listen(await world.time.run(a!.open(b!.peer, '/test'), 10_000))
      near.channel.write(text('welcome back'))
      await world.time.advance(100)
      assert.equal(heard[0]!.text(), 'welcome back')
      assert.deepEqual([a!.connected(), near.closes], [[b!.peer], []])
    })
  })
})
