import type { Node } from '../node/node.ts'
import { type ControlServer, serveControl } from '../runtime/control/server.ts'
import type { Operations } from '../runtime/control/types.ts'
import { operationsOf } from './operations.ts'

/**
 * Lets commands speak to a node through its data folder. The folder is claimed before the node is made, because two
 * nodes of one identity would be one peer in two places; commands that come early wait for `answer`.
 * Rejects with `ERR_CONFIG` where another node runs there.
 *
 * @example
 * const door = await openDoor('./data')
 * door.answer(await createNode({ dataDir: './data' }))
 */
export async function openDoor(dataDir: string): Promise<ControlServer & { answer(node: Node): void }> {
  const operations = Promise.withResolvers<Operations>()
  const server = await serveControl(dataDir, operations.promise)
  return { ...server, answer: (node) => operations.resolve(operationsOf(node)) }
}
