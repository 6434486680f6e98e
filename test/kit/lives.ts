import { join } from 'node:path'
import { createNode, type Node, type NodeOptions } from '../../src/index.ts'
import { temporaryFolder } from './folder.ts'

/** Nodes with data folders that end and begin again; after each test all are stopped, and what they kept is gone. */
export interface Lives {
  dataDir(name: string): string
  /** The node of that name, in its first life or in a later one; it knows the others. */
  life(name: string, others?: readonly Node[], options?: NodeOptions): Promise<Node>
  /** The same for a node that the test made by itself. */
  settle(node: Node, others: readonly Node[]): Promise<Node>
  /** Stops it at once, as a crash would but for what is on its way to disk. */
  end(node: Node): Promise<void>
}

/** For the tests of the `describe` that calls it. */
export function lives(): Lives {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  const living = new Set<Node>()

  beforeEach(async () => {
    folder = await temporaryFolder()
  })
  afterEach(async () => {
    await Promise.all([...living].map((node) => node.stop({ drain: false })))
    living.clear()
    await folder[Symbol.asyncDispose]()
  })

  const dataDir = (name: string): string => join(folder.path, name)

  async function settle(node: Node, others: readonly Node[]): Promise<Node> {
    living.add(node)
    if (others.length > 0) await node.ready({ peers: others.length, timeout: 15_000 })
    return node
  }

  async function life(name: string, others: readonly Node[] = [], options: NodeOptions = {}): Promise<Node> {
    const bootstrap = others.flatMap((node) => node.multiaddrs)
    return settle(await createNode({ name, dataDir: dataDir(name), bootstrap, ...options }), others)
  }

  async function end(node: Node): Promise<void> {
    living.delete(node)
    await node.stop({ drain: false })
  }

  return { dataDir, life, settle, end }
}
