import assert from 'node:assert/strict'
import { MeshError } from '../../../protocols/errors.ts'
import { StreamChannel } from '../../../src/runtime/libp2p/channel.ts'
import type { Libp2pNetwork } from '../../../src/runtime/libp2p/network.ts'
import { connect, Loopback, record, until } from './loopback.ts'

describe('a channel over libp2p', () => {
  const loopback = new Loopback()
  const READ_LIMIT = 512 * 1024
  let a: Libp2pNetwork
  let b: Libp2pNetwork
  let protocols = 0
  const protocol = () => `/test/${++protocols}`

  before(async () => {
    a = await loopback.start(undefined, { channelReadBytes: READ_LIMIT, channelCloseTimeout: 1_000 })
    b = await loopback.start(undefined, { channelReadBytes: READ_LIMIT })
  })
  after(() => loopback.stop())

  it('carries bytes both ways, in order, as plain Uint8Arrays', async () => {
    const [near, far] = await connect(a, b, protocol())
    const sent = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251)
    near.channel.write(sent.slice())
    far.channel.write(sent.slice())
    await until(() => near.bytes === sent.length && far.bytes === sent.length)
    for (const { pieces } of [near, far]) {
      assert.ok(pieces.every((piece) => piece instanceof Uint8Array))
      assert.equal(Buffer.compare(Buffer.concat(pieces), sent), 0)
    }
    assert.equal(near.channel.peer, b.host.peer)
    assert.equal(far.channel.peer, a.host.peer)
    assert.deepEqual([near.channel.direction, far.channel.direction], ['outbound', 'inbound'])
    await near.channel.close()
  })

  it('keeps what came before the owner set its callbacks, the end included', async () => {
    // The end may come before, while or after the protocol is agreed: many turns, so that each happens.
    for (let turn = 0; turn < 20; turn++) {
      const id = protocol()
      b.host.handle(id, (channel) => {
        channel.onClose = () => {}
        channel.onBytes = () => {}
        channel.write(Uint8Array.of(1, 2, 3))
        void channel.close()
      })
      const channel = await a.host.open(b.host.peer, id)
      await new Promise((resolve) => setTimeout(resolve, turn))
      const seen = record(channel)
      await until(() => seen.closes.length > 0)
      assert.deepEqual([...Buffer.concat(seen.pieces)], [1, 2, 3])
      assert.deepEqual(seen.closes, [undefined])
    }
  })

  it('stalls the sender while the reader pauses, holds no more than its bound, and goes on', async () => {
    const [near, far] = await connect(a, b, protocol())
    far.channel.pause()
    let written = 0
    while (near.channel.write(new Uint8Array(32 * 1024))) written += 32 * 1024
    written += 32 * 1024
    await new Promise((resolve) => setTimeout(resolve, 300))
    // Each side's socket and the stream's window are all that can be under way: the window is the bound.
    for (let turns = 0; turns < 200 && near.drains > 0; turns++) {
      near.drains = 0
      while (near.channel.write(new Uint8Array(32 * 1024))) written += 32 * 1024
      written += 32 * 1024
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.equal(near.drains, 0, 'the sender is still waiting')
    assert.equal(far.bytes, 0)
    assert.ok(written <= READ_LIMIT + 256 * 1024, `${written} bytes were taken from a sender whose reader pauses`)
    assert.deepEqual(far.closes, [], 'a paused reader is no error')
    far.channel.resume()
    await until(() => far.bytes === written && near.drains > 0)
    await near.channel.close()
  })

  it('loses nothing to many pauses', async () => {
    const [near, far] = await connect(a, b, protocol())
    const total = 3_000_000
    let sum = 0
    let paused = 0
    far.channel.onBytes = (chunk) => {
      assert.equal(paused, 0, 'no bytes while paused')
      for (const byte of chunk) sum += byte
      far.bytes += chunk.length
      far.channel.pause()
      paused = 1
      setImmediate(() => {
        paused = 0
        far.channel.resume()
      })
    }
    let sent = 0
    let expected = 0
    const pump = () => {
      while (sent < total) {
        const piece = Uint8Array.from({ length: 50_000 }, (_, i) => (sent + i) & 0xff)
        for (const byte of piece) expected += byte
        sent += piece.length
        if (!near.channel.write(piece)) return
      }
    }
    near.channel.onDrain = pump
    pump()
    await until(() => far.bytes === total)
    assert.equal(sum, expected)
    await near.channel.close()
  })

  it('tells both ends once and without an error that it was closed in good order', async () => {
    const [near, far] = await connect(a, b, protocol())
    near.channel.write(new Uint8Array(10))
    await near.channel.close()
    await until(() => far.closes.length > 0)
    await near.channel.close()
    near.channel.abort(new Error('too late'))
    assert.deepEqual([near.closes, far.closes, far.bytes], [[undefined], [undefined], 10])
  })

  it('hands out everything that was read before a paused end is told that the peer has closed', async () => {
    const [near, far] = await connect(a, b, protocol())
    far.channel.pause()
    near.channel.write(new Uint8Array(100_000))
    const closed = near.channel.close()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual([far.closes, far.bytes], [[], 0])
    far.channel.resume()
    await until(() => far.closes.length > 0)
    await closed
    assert.deepEqual([far.closes, far.bytes], [[undefined], 100_000])
  })

  it('gives the peer of an abort an error, and the one that aborts its own', async () => {
    const [near, far] = await connect(a, b, protocol())
    const mine = new MeshError('ERR_PROTOCOL', 'nonsense')
    near.channel.abort(mine)
    await until(() => far.closes.length > 0)
    assert.deepEqual(near.closes, [mine])
    assert.equal((far.closes[0] as MeshError).code, 'ERR_LINK_CLOSED')
  })

  it('is lost with an error when the connection goes', async () => {
    const [near, far] = await connect(a, b, protocol())
    for (const connection of b.libp2p.getConnections(a.peerId)) connection.abort(new Error('cable cut'))
    await until(() => near.closes.length > 0 && far.closes.length > 0)
    for (const { closes } of [near, far]) {
      assert.equal(closes.length, 1)
      assert.equal((closes[0] as MeshError).code, 'ERR_LINK_CLOSED')
    }
    assert.equal(near.channel.write(new Uint8Array(1)), true, 'a write after the end is no error of its own')
  })

  it('is lost with an error too when the connection went while the protocol was agreed, its last bytes handed out', async () => {
    const id = protocol()
    await b.libp2p.handle(id, (stream) => void stream.send(Uint8Array.of(1, 2, 3)))
    const connection = await a.libp2p.dial(b.libp2p.getMultiaddrs())
    const stream = await connection.newStream(id)
    await until(() => stream.readBufferLength === 3)
    for (const far of b.libp2p.getConnections(a.peerId)) void far.close()
    await until(() => stream.status === 'closed')
    const seen = record(new StreamChannel(stream, b.host.peer, 1_000, () => undefined))
    await until(() => seen.closes.length > 0)
    assert.deepEqual([...Buffer.concat(seen.pieces)], [1, 2, 3])
    assert.equal((seen.closes[0] as MeshError | undefined)?.code, 'ERR_LINK_CLOSED')
  })

  it('does not wait for ever for a peer that never closes its side', async () => {
    const [near, far] = await connect(a, b, protocol())
    far.channel.pause()
    near.channel.write(new Uint8Array(1_000))
    await near.channel.close()
    assert.deepEqual(
      near.closes.map((error) => (error as MeshError).code),
      ['ERR_TIMEOUT']
    )
  })
})
