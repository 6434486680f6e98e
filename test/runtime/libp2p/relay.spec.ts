import assert from 'node:assert/strict'
import { loadIdentity } from '../../../src/runtime/libp2p/identity.ts'
import { createLibp2pNetwork, type Libp2pNetwork } from '../../../src/runtime/libp2p/network.ts'
import { LOOPBACK, Loopback, record, until } from './loopback.ts'

describe('a relay', () => {
  const loopback = new Loopback()
  afterEach(() => loopback.stop())

  const isRelayed = (network: Libp2pNetwork, relay: Libp2pNetwork) =>
    network.host
      .addresses()
      .some((address) => address.includes(`/p2p/${relay.host.peer}/p2p-circuit/p2p/${network.host.peer}`))

  it('carries channels between two nodes that listen nowhere', async () => {
    const relay = await loopback.start()
    const [a, b] = [await loopback.start([]), await loopback.start([])]
    let told: string[] = []
    b.host.onAddresses = () => {
      told = b.host.addresses()
    }
    for (const node of [a, b]) await node.host.dial(relay.host.addresses()[0]!)
    await until(() => isRelayed(b, relay))
    await until(() => told.join() === b.host.addresses().join())
    b.host.handle('/echo', (channel) => {
      channel.onBytes = (bytes) => void channel.write(bytes)
      channel.onClose = () => {}
    })
    a.host.learn(b.host.peer, b.host.addresses())
    const seen = record(await a.host.open(b.host.peer, '/echo'))
    assert.equal(seen.channel.peer, b.host.peer)
    assert.deepEqual([a.host.transportTo(b.host.peer), b.host.transportTo(a.host.peer)], ['relay', 'relay'])
    const [connection] = a.libp2p.getConnections(b.peerId)
    assert.equal(connection!.limits, undefined, 'no limit of data or time')
    assert.match(connection!.encryption ?? '', /noise/, 'encrypted end to end')
    // More than libp2p's default limit of 128 KiB for strangers.
    for (let i = 0; i < 16; i++) seen.channel.write(new Uint8Array(64 * 1024))
    await until(() => seen.bytes === 2 ** 20)
    await seen.channel.close()
  })

  it('is second to a direct connection', async () => {
    const relay = await loopback.start()
    const [a, b] = [await loopback.start(), await loopback.start()]
    for (const node of [a, b]) await node.host.dial(relay.host.addresses()[0]!)
    await until(() => isRelayed(b, relay))
    a.host.learn(b.host.peer, [...b.host.addresses()].reverse())
    await a.host.dial(b.host.peer)
    assert.equal(a.host.transportTo(b.host.peer), 'tcp')
  })

  it('is reserved again when it has been away', async () => {
    const identity = await loadIdentity()
    const start = async (listen: readonly string[]) => {
      const network = await createLibp2pNetwork({ identity, listen })
      loopback.nodes.push(network)
      await network.host.start()
      return network
    }
    const first = await start(LOOPBACK)
    const address = first.host.addresses()[0]!
    const node = await loopback.start([])
    await node.host.dial(address)
    await until(() => isRelayed(node, first))
    await first.host.stop()
    await until(() => !isRelayed(node, first))
    const second = await start([address.split('/p2p/')[0]!])
    await until(() =>
      node.host.dial(address).then(
        () => true,
        () => false
      )
    )
    await until(() => isRelayed(node, second))
  })
})
