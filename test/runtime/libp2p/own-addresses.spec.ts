import assert from 'node:assert/strict'
import type { Libp2pEvents, Listener } from '@libp2p/interface'
import { TypedEventEmitter } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { OwnAddresses } from '../../../src/runtime/libp2p/own-addresses.ts'
import { Loopback, until } from './loopback.ts'

describe('the addresses of a host', () => {
  const loopback = new Loopback()
  afterEach(() => loopback.stop())

  it('name a relay by where it listens, not by the port that it dialled from', async () => {
    const [relay, host] = [await loopback.start(), await loopback.start()]
    // Its reservation is made over this connection.
    await relay.host.dial(host.host.addresses()[0]!)
    const circuits = (): string[] => host.host.addresses().filter((address) => address.includes('/p2p-circuit'))
    await until(() => circuits().length > 0)
    const [{ remoteAddr, direction }] = host.libp2p.getConnections() as [
      ReturnType<typeof host.libp2p.getConnections>[0]
    ]
    assert.equal(direction, 'inbound')
    assert.notEqual(String(remoteAddr), relay.host.addresses()[0])
    assert.deepEqual(circuits(), [`${relay.host.addresses()[0]}/p2p-circuit/p2p/${host.host.peer}`])
    assert.deepEqual(host.multiaddrs().map(String), host.host.addresses())
  })

  it('are all that it listens on: a public one needs nobody to dial it back', () => {
    const confirmed: string[] = []
    const events = new TypedEventEmitter<Libp2pEvents>()
    const addressManager = { confirmObservedAddr: (address: unknown) => confirmed.push(String(address)) }
    new OwnAddresses().service({ addressManager, events })
    const addresses = ['/ip4/55.1.2.3/tcp/4001', '/ip4/10.0.0.1/tcp/4001']
    const listener = { getAddrs: () => addresses.map((address) => multiaddr(address)) } as Partial<Listener> as Listener
    events.safeDispatchEvent('transport:listening', { detail: listener })
    assert.deepEqual(confirmed, addresses)
  })
})
