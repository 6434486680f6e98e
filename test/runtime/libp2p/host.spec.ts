import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { loadIdentity } from '../../../src/runtime/libp2p/identity.ts'
import { createLibp2pNetwork, type Libp2pNetwork } from '../../../src/runtime/libp2p/network.ts'
import { connect, Loopback, record, until } from './loopback.ts'

describe('a host over libp2p', () => {
  const loopback = new Loopback()
  let a: Libp2pNetwork
  let b: Libp2pNetwork

  before(async () => {
    a = await loopback.start()
    b = await loopback.start(undefined, { dialTimeout: 2_000, addressDialTimeout: 500 })
  })
  after(() => loopback.stop())

  it('has addresses that end in its PeerId once it runs, and none before', async () => {
    const stopped = await createLibp2pNetwork({ identity: await loadIdentity(), listen: ['/ip4/127.0.0.1/tcp/0'] })
    assert.deepEqual(stopped.host.addresses(), [])
    await assert.rejects(stopped.host.open(a.host.peer, '/x'), { code: 'ERR_STOPPED' })
    await assert.rejects(stopped.host.dial(a.host.peer), { code: 'ERR_STOPPED' })
    assert.match(a.host.addresses()[0]!, new RegExp(`^/ip4/127.0.0.1/tcp/[1-9]\\d*/p2p/${a.host.peer}$`))
    assert.equal(a.peerId.toString(), a.host.peer)
  })

  it('says which address it cannot listen on: a port in use', async () => {
    const taken: Server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const address = `/ip4/127.0.0.1/tcp/${(taken.address() as AddressInfo).port}`
    const network = await createLibp2pNetwork({ identity: await loadIdentity(), listen: [address] })
    await assert.rejects(network.host.start(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ERR_LISTEN')
      assert.match(error.message, new RegExp(`${address}: .*EADDRINUSE`))
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
    await network.host.stop()
    taken.close()
  })

  for (const address of ['nonsense', '/ip4/127.0.0.1/udp/1/quic-v1', '/ip4/999.0.0.1/tcp/1']) {
    it(`refuses to listen on ${address}`, async () => {
      const identity = await loadIdentity()
      await assert.rejects(createLibp2pNetwork({ identity, listen: [address] }), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_LISTEN')
        return error.message.includes(address)
      })
    })
  }

  it('dials an address, tells of the connection and of its end', async () => {
    const events: string[] = []
    b.host.onConnect = (peer) => events.push(`+${peer}`)
    b.host.onDisconnect = (peer) => events.push(`-${peer}`)
    assert.equal(await b.host.dial(a.host.addresses()[0]!), a.host.peer)
    assert.deepEqual([b.host.isConnected(a.host.peer), b.host.transportTo(a.host.peer)], [true, 'tcp'])
    await until(() => a.host.connected().includes(b.host.peer))
    await b.host.hangUp(a.host.peer)
    await until(() => events.length === 2)
    assert.deepEqual(events, [`+${a.host.peer}`, `-${a.host.peer}`])
    assert.equal(b.host.transportTo(a.host.peer), undefined)
  })

  it('dials by PeerId what it learned, once for many that ask', async () => {
    const c = await loopback.start()
    b.host.learn(c.host.peer, ['nonsense', ...c.host.addresses()])
    c.host.handle('/many', (channel) => void record(channel))
    const channels = await Promise.all(Array.from({ length: 8 }, () => b.host.open(c.host.peer, '/many')))
    assert.equal(b.libp2p.getConnections(c.peerId).length, 1)
    for (const channel of channels) channel.abort(new Error('done'))
  })

  it('maps what cannot be reached or is not spoken to codes of its own', async () => {
    await b.host.dial(a.host.addresses()[0]!)
    await assert.rejects(b.host.open(a.host.peer, '/unknown'), { code: 'ERR_UNSUPPORTED' })
    const { peer } = await loadIdentity()
    b.host.learn(peer, ['/ip4/127.0.0.1/tcp/1'])
    await assert.rejects(b.host.open(peer, '/x'), { code: 'ERR_PEER_UNREACHABLE' })
    await assert.rejects(b.host.open('nobody', '/x'), { code: 'ERR_PEER_UNREACHABLE' })
    await assert.rejects(b.host.dial('/ip4/127.0.0.1/tcp/1'), { code: 'ERR_PEER_UNREACHABLE' })
    await assert.rejects(b.host.dial('/no/address'), { code: 'ERR_CONFIG' })
    await assert.rejects(b.host.dial(b.host.addresses()[0]!), { code: 'ERR_PEER_UNREACHABLE' })
    b.host.learn('nobody', ['/ip4/127.0.0.1/tcp/1'])
    assert.equal(b.host.transportTo('nobody'), undefined)
  })

  it('reaches by an address whom somebody else looks for without one, and so does that one', async () => {
    const [c, d] = [await loopback.start(), await loopback.start()]
    d.host.handle('/sought', (channel) => void record(channel))
    // c knows nobody: what it looks for there is nobody to ask.
    const opening = c.host.open(d.host.peer, '/sought')
    assert.equal(await c.host.dial(d.host.addresses()[0]!), d.host.peer)
    const channel = await opening
    channel.abort(new Error('done'))
    await assert.rejects(b.host.open((await loadIdentity()).peer, '/sought'), { code: 'ERR_PEER_UNREACHABLE' })
  })

  it('stops waiting when the caller does, while the dial goes on for others', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    const { peer } = await loadIdentity()
    b.host.learn(peer, [`/ip4/127.0.0.1/tcp/${(silent.address() as AddressInfo).port}`])
    const waiting = new AbortController()
    const patient = b.host.open(peer, '/x')
    const hasty = b.host.open(peer, '/x', { signal: waiting.signal })
    waiting.abort()
    await assert.rejects(hasty, { code: 'ERR_ABORTED' })
    await assert.rejects(b.host.open(peer, '/x', { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
    await assert.rejects(patient, { code: 'ERR_PEER_UNREACHABLE' })
    silent.close()
  })

  it('takes one handler for a protocol', () => {
    a.host.handle('/once', () => {})
    assert.throws(() => a.host.handle('/once', () => {}), { code: 'ERR_ALREADY_REGISTERED' })
  })

  it('survives a handler that throws: it costs the stream', async () => {
    a.host.handle('/throws', () => {
      throw new Error('handler')
    })
    await b.host.dial(a.host.addresses()[0]!)
    const seen = record(await b.host.open(a.host.peer, '/throws'))
    await until(() => seen.closes.length > 0)
    assert.ok(seen.closes[0] instanceof Error)
    assert.equal(b.host.isConnected(a.host.peer), true)
  })

  it('signs what others verify with its PeerId alone', async () => {
    const bytes = new TextEncoder().encode('said')
    const signature = await a.host.sign(bytes)
    assert.equal(await b.host.verify(a.host.peer, bytes, signature), true)
    assert.equal(await b.host.verify(b.host.peer, bytes, signature), false)
    assert.equal(await b.host.verify(a.host.peer, Uint8Array.of(1), signature), false)
    assert.equal(await b.host.verify(a.host.peer, bytes, signature.subarray(1)), false)
    assert.equal(await b.host.verify('nobody', bytes, signature), false)
  })

  it('stops twice, with channels open, and tells their owners', async () => {
    const c = await loopback.start()
    const [near] = await connect(a, c, '/stopping')
    await Promise.all([c.host.stop(), c.host.stop()])
    await c.host.stop()
    await until(() => near.closes.length > 0)
    assert.deepEqual(c.host.addresses(), [])
  })
})
