import { loadIdentity } from '../runtime/libp2p/identity.ts'
import { createLibp2pNetwork } from '../runtime/libp2p/network.ts'
import { systemClock } from '../runtime/system/clock.ts'
import { systemDice } from '../runtime/system/dice.ts'
import { eventLoopLoad } from '../runtime/system/load.ts'
import { createLog } from '../runtime/telemetry/log.ts'
import { assemble } from './assemble.ts'
import { type NodeOptions, resolveConfig } from './config.ts'
import type { Node } from './node.ts'

/**
 * Starts a node: one agent host of the mesh. Rejects with `ERR_CONFIG` naming the key, `ERR_IDENTITY`, `ERR_LISTEN`.
 *
 * @example
 * await using node = await createNode({ name: 'edge-7', bootstrap: ['/ip4/192.0.2.5/tcp/4001/p2p/12D3KooW…'] })
 * await node.ready()
 * const planner = await node.agent('planner')
 * const reply = await planner.request('worker', { job: 7 }, { type: 'plan.make' })
 */
export async function createNode(options: NodeOptions = {}): Promise<Node> {
  const config = resolveConfig(options)
  const identity = await loadIdentity(config.dataDir)
  const network = await createLibp2pNetwork({ identity, listen: config.listen })
  const log = config.debug ? createLog(config.name ?? identity.peer.slice(-8)) : undefined
  return assemble(config, { network, clock: systemClock, dice: systemDice, load: eventLoopLoad(), log }, network.libp2p)
}
