import { Driver } from './driver.ts'
import type { MembershipDriver, MembershipInit } from './types.ts'

/**
 * The membership of a node. Registers its protocol with the links at once; does nothing else before `start`.
 * Throws `ERR_CONFIG` for an unknown or impossible option.
 *
 * @example
 * const membership = createMembership({ host, links, clock, dice, self: { name: 'edge-7', region: 'eu', zone: 'eu-a' } })
 * host.onConnect = (peer) => membership.connected(peer)
 * host.onDisconnect = (peer) => membership.disconnected(peer)
 * await host.start()
 * await membership.start()
 * await membership.announced(membership.set('agent/worker/1', {}))
 */
export function createMembership(init: MembershipInit): MembershipDriver {
  return new Driver(init)
}
