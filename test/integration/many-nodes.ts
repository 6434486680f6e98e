/** Many nodes in one process, as the hosts of the test with fifty: fifty processes would be fifty runtimes. */
import { type Agent, createNode, type Node, type NodeOptions } from '../../src/index.ts'

const nodes: Node[] = []
const hosted = new Map<string, Agent>()
const wait = { timeout: 30_000 }

/** Starts nodes one after the other until there are `count`, the host's own being the first; each joins before the next. */
export async function populate(node: Node, count: number, options: NodeOptions): Promise<void> {
  nodes.push(node)
  while (nodes.length < count) {
    const next = await createNode({ ...options, name: `${node.name}-${nodes.length}` })
    nodes.push(next)
    await next.ready(wait)
  }
}

/** Each node's PeerId, and whom its view holds. */
export function residents(): { peerId: string; view: string[] }[] {
  return nodes.map((node) => ({ peerId: String(node.peerId), view: node.peers().map(({ peerId }) => peerId) }))
}

/** An agent that answers 'who' with the PeerId of its host and keeps what it receives; resolves once it can be found. */
export async function register(_: Node, index: number, name: string): Promise<void> {
  const node = nodes[index]!
  const who = () => String(node.peerId)
  hosted.set(name, await node.agent(name, { handle: { who }, receive: () => {} }, wait))
}

export async function withdraw(_: Node, name: string): Promise<void> {
  await hosted.get(name)!.close()
}

/** What 'who' is answered, or the code of the error. */
export async function ask(_: Node, index: number, name: string): Promise<unknown> {
  const asker = await askerOn(index)
  return asker.request(name, 0, { type: 'who' }).then(
    ({ data }) => data,
    ({ code }) => code
  )
}

/** Where an acknowledged message was handled. */
export async function send(_: Node, index: number, name: string): Promise<string> {
  const asker = await askerOn(index)
  return (await asker.send(name, 0, { delivery: 'at-least-once' })).peer
}

async function askerOn(index: number): Promise<Agent> {
  const name = `asker-${nodes[index]!.name}`
  if (!hosted.has(name)) hosted.set(name, await nodes[index]!.agent(name, {}, wait))
  return hosted.get(name)!
}
