import { createNode, type Node, type NodeOptions } from '../../src/index.ts'

export type MeshOptions = Omit<NodeOptions, 'bootstrap' | 'start'>

export interface Mesh<Options extends readonly MeshOptions[] = MeshOptions[]> extends AsyncDisposable {
  readonly nodes: { readonly [Place in keyof Options]: Node }
}

/** Nodes over libp2p on loopback, all of which know each other; the first is everybody's bootstrap peer. */
export async function meshOf<const Options extends readonly MeshOptions[]>(
  ...options: Options
): Promise<Mesh<Options>> {
  const [first = {}, ...others] = options
  const nodes = [await createNode({ name: 'node-0', ...first })]
  const bootstrap = nodes[0]!.multiaddrs
  const dispose = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop({ drain: false })))
  }
  try {
    const joining = others.map((one, i) => createNode({ name: `node-${i + 1}`, ...one, bootstrap }))
    for (const joined of await Promise.allSettled(joining)) {
      if (joined.status === 'rejected') throw joined.reason
      nodes.push(joined.value)
    }
    await Promise.all(nodes.map((node) => node.ready({ peers: others.length, timeout: 15_000 })))
  } catch (error) {
    await dispose()
    throw error
  }
  return { nodes: nodes as unknown as Mesh<Options>['nodes'], [Symbol.asyncDispose]: dispose }
}
