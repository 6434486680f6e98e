import type { Libp2p } from '@libp2p/interface'
import type { NodeConfig } from './config.ts'
import { MeshNode } from './mesh-node.ts'
import type { Node } from './node.ts'
import { Services } from './services.ts'
import type { World } from './world.ts'

/** A node over whatever world it is given; started where the configuration says so. */
export async function assemble(config: NodeConfig, world: World, libp2p?: Libp2p): Promise<Node> {
  const node = new MeshNode(config, new Services(config, world), libp2p)
  if (config.start) await node.start()
  return node
}
