import { identify } from '@libp2p/identify'
import type { Address, Libp2p, PeerId } from '@libp2p/interface'
import { ping } from '@libp2p/ping'
import { circuitRelayAddressesLast, loopbackAddressLast, publicAddressesFirst } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { MeshError } from '../../../protocols/errors.ts'
import type { Network } from '../ports.ts'
import { GossipBroadcast, gossip } from './broadcast.ts'
import { KademliaRouting, kademlia } from './content-routing.ts'
import { gatheringTcp } from './gathering-tcp.ts'
import { Libp2pHost } from './host.ts'
import type { Identity } from './identity.ts'
import { defaultHostLimits, type HostLimits } from './limits.ts'
import { OwnAddresses } from './own-addresses.ts'
import { relayListen, relayServer, relayTransport } from './relay.ts'
import { quietly } from './silence.ts'
import { swiftNoise } from './swift-noise.ts'

export interface NetworkOptions {
  identity: Identity
  /** Multiaddrs; `[]` listens nowhere, and the node is reached through the peers that relay for it. */
  listen: readonly string[]
  /** False: nobody is dialled by TCP either. Default true. */
  tcp?: boolean
  limits?: Partial<HostLimits>
}

export interface Libp2pNetwork extends Network {
  readonly host: Libp2pHost
  readonly routing: KademliaRouting
  readonly libp2p: Libp2p
  readonly peerId: PeerId
  multiaddrs(): Multiaddr[]
}

/**
 * A libp2p node behind the ports, stopped: `network.host.start()` listens.
 * Throws `ERR_LISTEN` naming an address that is no multiaddr.
 *
 * @example
 * const network = await createLibp2pNetwork({ identity: await loadIdentity(), listen: ['/ip4/127.0.0.1/tcp/0'] })
 * await network.host.start()
 */
export async function createLibp2pNetwork(options: NetworkOptions): Promise<Libp2pNetwork> {
  const limits: HostLimits = { ...defaultHostLimits, ...options.limits }
  for (const address of options.listen) checkListen(address)
  const own = new OwnAddresses()
  const libp2p = await createLibp2p({
    start: false,
    ...quietly(),
    privateKey: options.identity.privateKey,
    addresses: { listen: [...options.listen, ...relayListen(limits)], announceFilter: own.filter },
    transports: options.tcp === false ? [relayTransport(limits)] : [gatheringTcp(), relayTransport(limits)],
    connectionEncrypters: [swiftNoise()],
    streamMuxers: [multiplexer(limits)],
    connectionManager: {
      maxConnections: limits.connections,
      inboundConnectionThreshold: limits.inboundConnectionsPerSecond,
      maxIncomingPendingConnections: limits.connections,
      dialTimeout: limits.dialTimeout,
      addressDialTimeout: limits.addressDialTimeout,
      addressSorter: directFirst
    },
    // Liveness is judged by our own pings, which know of the loop's lag: this one aborts healthy connections under load.
    connectionMonitor: { enabled: false, abortConnectionOnPingFailure: false },
    services: {
      identify: identify({ runOnLimitedConnection: true }),
      ping: ping(),
      own: own.service,
      relay: relayServer(limits),
      gossip: gossip(limits),
      dht: kademlia()
    }
  })
  return {
    libp2p,
    peerId: options.identity.peerId,
    multiaddrs: () => libp2p.getMultiaddrs(),
    host: new Libp2pHost(libp2p, options.identity, limits),
    broadcast: new GossipBroadcast(libp2p, libp2p.services.gossip, limits),
    routing: new KademliaRouting(libp2p.services.dht, limits)
  }
}

/**
 * A stream may hold its whole window unread while its reader pauses, so the window must not outgrow what the buffer
 * takes: libp2p's own defaults (16 MiB against 4 MiB) reset a paused stream instead of slowing its sender.
 */
function multiplexer(limits: HostLimits) {
  const streams = limits.streamsPerProtocol * 32
  return yamux({
    maxInboundStreams: streams,
    maxOutboundStreams: streams,
    maxEarlyStreams: limits.streamsPerProtocol,
    streamOptions: {
      maxStreamWindowSize: limits.channelReadBytes,
      maxReadBufferLength: limits.channelReadBytes + 2 ** 18
    }
  })
}

function directFirst(a: Address, b: Address): -1 | 0 | 1 {
  return (
    circuitRelayAddressesLast(a.multiaddr, b.multiaddr) ||
    loopbackAddressLast(a.multiaddr, b.multiaddr) ||
    publicAddressesFirst(a.multiaddr, b.multiaddr)
  )
}

function checkListen(address: string): void {
  const refuse = (why: string, cause?: unknown): MeshError =>
    new MeshError('ERR_LISTEN', `Cannot listen on ${address}: ${why}`, { cause, details: { address } })
  let parsed: Multiaddr
  try {
    parsed = multiaddr(address)
  } catch (cause) {
    throw refuse('it is no multiaddr', cause)
  }
  const parts = parsed.getComponents().map(({ name }) => name)
  if (!/^(ip4|ip6|dns4|dns6|dns) tcp( p2p)?$/.test(parts.join(' ')))
    throw refuse('it is no TCP address, such as /ip4/0.0.0.0/tcp/4001')
}
