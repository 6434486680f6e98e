import { loadIdentity } from '../runtime/libp2p/identity.ts'
import { createLibp2pNetwork } from '../runtime/libp2p/network.ts'
import type { Disk } from '../runtime/ports.ts'
import { claimFolder } from '../runtime/storage/claim.ts'
import { FileDisk } from '../runtime/storage/file-disk.ts'
import { systemClock } from '../runtime/system/clock.ts'
import { systemDice } from '../runtime/system/dice.ts'
import { eventLoopLoad } from '../runtime/system/load.ts'
import { createLog } from '../runtime/telemetry/log.ts'
import { assemble } from './assemble.ts'
import { type NodeOptions, resolveConfig } from './config.ts'
import type { Node } from './node.ts'

/**
 * Starts a node: one agent host of the mesh. Rejects with `ERR_CONFIG` naming the key (`dataDir`
 * where another process runs on the folder), `ERR_IDENTITY`, `ERR_STORAGE`, `ERR_LISTEN`.
 *
 * @example
 * await using node = await createNode({ name: 'edge-7', bootstrap: ['/ip4/192.0.2.5/tcp/4001/p2p/12D3KooW…'] })
 * await node.ready()
 * const planner = await node.agent('planner')
 * const reply = await planner.request('worker', { job: 7 }, { type: 'plan.make' })
 */
export function createNode(options: NodeOptions = {}): Promise<Node> {
  return createNodeOn(options, (disk) => disk)
}

/** The same over a disk of the caller's, made of that of `dataDir`: how tests drop what was not synced. */
export async function createNodeOn(options: NodeOptions, through: (disk: Disk) => Disk): Promise<Node> {
  const config = resolveConfig(options)
  const identity = await loadIdentity(config.dataDir)
  const network = await createLibp2pNetwork({ identity, listen: config.listen, tcp: config.transports.tcp })
  const log = config.debug ? createLog(config.name ?? identity.peer.slice(-8)) : undefined
  const { dataDir } = config
  const world = { network, clock: systemClock, dice: systemDice, load: eventLoopLoad(), log }
  if (dataDir === undefined) return assemble(config, world, network.libp2p)
  const folder = through(new FileDisk(dataDir))
  const disks = { disk: folder.folder('store'), marks: folder.folder('groups') }
  return assemble(config, { ...world, ...disks, claim: () => claimFolder(dataDir) }, network.libp2p)
}
