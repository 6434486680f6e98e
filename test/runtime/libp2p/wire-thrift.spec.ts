import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { loadIdentity } from '../../../src/runtime/libp2p/identity.ts'
import { createLibp2pNetwork, type Libp2pNetwork } from '../../../src/runtime/libp2p/network.ts'
import { thriftyWindow } from '../../../src/runtime/libp2p/thrifty-window.ts'

/** Both lean on what libp2p does not promise, so an upgrade that takes it away must be noticed here. */
describe('libp2p: what a lone small message costs', () => {
  const networks: Libp2pNetwork[] = []

  async function network(): Promise<Libp2pNetwork> {
    const made = await createLibp2pNetwork({ identity: await loadIdentity(), listen: ['/ip4/127.0.0.1/tcp/0'] })
    networks.push(made)
    await made.host.start()
    return made
  }

  afterEach(async () => {
    await Promise.all(networks.splice(0).map(({ host }) => host.stop()))
  })

  it('is one write to the socket, and none for its receiver', async () => {
    const [a, b] = [await network(), await network()]
    const opened = Promise.withResolvers<void>()
    let received = 0
    let arrived: () => void = () => {}
    b.host.handle('/test/thrift', (channel) => {
      channel.onBytes = (bytes) => {
        received += bytes.length
        arrived()
      }
      opened.resolve()
    })
    await a.host.dial(b.host.addresses()[0]!)
    const channel = await a.host.open(b.host.peer, '/test/thrift')
    channel.onBytes = () => {}
    const one = async (): Promise<void> => {
      const next = new Promise<void>((resolve) => {
        arrived = resolve
      })
      channel.write(new Uint8Array(100))
      await next
    }
    await one()
    await opened.promise
    // identify and the first window have been exchanged when nothing was written for a while
    let writes = 0
    const prototype = Socket.prototype as unknown as { _writeGeneric(...parameters: unknown[]): unknown }
    const original = prototype._writeGeneric
    prototype._writeGeneric = function (...parameters) {
      writes++
      return original.apply(this, parameters)
    }
    try {
      let least = Number.POSITIVE_INFINITY
      for (let round = 0; round < 20; round++) {
        const before = writes
        for (let i = 0; i < 10; i++) await one()
        least = Math.min(least, writes - before)
      }
      assert.equal(least, 10, 'in a round that nothing else disturbed, ten messages are ten writes')
    } finally {
      prototype._writeGeneric = original
    }
    assert.equal(received, 100 * 201)
  })

  for (const [roundTrip, window] of [
    [undefined, 2 ** 21],
    [1, 2 ** 21],
    [24, 3_000_000],
    [200, 4 * 2 ** 20]
  ] as const) {
    it(`has ${window} bytes under way where a round trip takes ${roundTrip ?? 'nobody knows how many'} ms`, () => {
      const stream = yamuxLike()
      assert.ok(thriftyWindow(stream as unknown as Stream, () => roundTrip))
      stream.recvWindowCapacity = 100
      stream.sendWindowUpdate()
      assert.deepEqual(stream.granted, [window - 100])
      stream.recvWindowCapacity = window / 2 + 1
      stream.sendWindowUpdate()
      assert.equal(stream.granted.length, 1, 'less than half of it is used')
    })
  }

  it('goes by the least round trip: later ones contain our own queue', () => {
    const stream = yamuxLike()
    const told = [24, 40, 3]
    thriftyWindow(stream as unknown as Stream, () => told.shift())
    for (let i = 0; i < 3; i++) {
      stream.recvWindowCapacity = 0
      stream.sendWindowUpdate()
    }
    assert.deepEqual(stream.granted, [3_000_000, 3_000_000, 3_000_000])
  })

  it('leaves streams of other kinds alone', () => {
    assert.equal(
      thriftyWindow({} as Stream, () => undefined),
      false
    )
  })
})

/** The receiving half of a Yamux stream as thriftyWindow sees it. */
function yamuxLike() {
  return {
    state: 3,
    recvWindow: 2 ** 18,
    recvWindowCapacity: 2 ** 18,
    maxStreamWindowSize: 4 * 2 ** 20,
    granted: [] as number[],
    getRTT: () => 7,
    sendWindowUpdate() {
      this.granted.push(this.recvWindow - this.recvWindowCapacity)
      this.recvWindowCapacity = this.recvWindow
    }
  }
}
