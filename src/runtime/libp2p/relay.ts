import {
  type CircuitRelayTransportComponents,
  circuitRelayServer,
  circuitRelayTransport
} from '@libp2p/circuit-relay-v2'
import type { TopologyFilter } from '@libp2p/interface'
import type { HostLimits } from './limits.ts'

/**
 * Every node relays for the others: bytes only, end-to-end encrypted by the two at its ends. Without limits of data or
 * time, because those are for strangers and would make each relayed connection one that may vanish at any moment.
 */
export function relayServer(limits: HostLimits) {
  return circuitRelayServer({
    reservations: { maxReservations: limits.relayReservations, applyDefaultLimit: false },
    maxInboundHopStreams: limits.relayReservations,
    maxOutboundHopStreams: limits.relayReservations,
    maxOutboundStopStreams: limits.relayReservations
  })
}

/** Every connected peer is a candidate each time that it connects, so a relay that comes back is reserved again. */
const everyPeer: TopologyFilter = { has: () => false, add: () => {}, remove: () => {} }

/** libp2p would search the whole table for relays for as long as one is missing, which in a mesh of two is for ever. */
const noWalk = { async *walk() {} }

/** Dials through a relay, and reserves a slot on the peers that are connected first: the bootstrap peers. */
export function relayTransport(limits: HostLimits) {
  return (components: CircuitRelayTransportComponents) =>
    circuitRelayTransport({
      discoveryFilter: everyPeer,
      maxInboundStopStreams: limits.relayReservations,
      maxOutboundStopStreams: limits.relayReservations
    })(
      new Proxy(components, {
        get: (target, key) => (key === 'randomWalk' ? noWalk : Reflect.get(target, key))
      })
    )
}

/** Each asks for one reservation, on whichever relay is found. */
export function relayListen(limits: HostLimits): string[] {
  return Array<string>(limits.relays).fill('/p2p-circuit')
}
