import assert from 'node:assert/strict'
import type { Node } from '../../src/index.ts'
import type { NodeEvent } from '../../src/node/events.ts'
import { createMesh, type Mesh } from '../../src/testing/index.ts'

type AgentEvent = Extract<NodeEvent, { kind: 'agent-up' | 'agent-down' }>

/** The comings and goings of agents, as a node tells them from now on: `agent-up w1`. */
function follow(node: Node): string[] {
  const told: string[] = []
  const isWanted = (event: NodeEvent): event is AgentEvent => event.kind === 'agent-up' || event.kind === 'agent-down'
  void (async () => {
    for await (const event of node.events()) if (isWanted(event)) told.push(`${event.kind} ${event.instance}`)
  })()
  return told
}

async function knows(mesh: Mesh, node: Node, instances: readonly string[]): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 100) {
    const known = node.agents().map(({ instance }) => instance)
    if (known.length === instances.length && instances.every((instance) => known.includes(instance))) return
    await mesh.advance(100)
  }
  assert.fail(`${node.name} never knew ${instances}`)
}

describe('comings and goings of agents', () => {
  let mesh: Mesh

  beforeEach(async () => {
    mesh = await createMesh({ nodes: 3, seed: 7, latency: [1, 20] })
  })

  afterEach(() => mesh.stop())

  it('are told once each to a node that returns, which hears of a host and its agents in one breath', async () => {
    const first = await mesh.run(mesh.nodes[0]!.agent('worker'))
    const second = await mesh.run(mesh.nodes[1]!.agent('worker'))
    const third = await mesh.run(mesh.nodes[1]!.agent('clerk'))
    const hosted = [first, second, third].map(({ instance }) => instance)
    await mesh.restart(2)
    const told = follow(mesh.nodes[2]!)
    await knows(mesh, mesh.nodes[2]!, hosted)
    assert.deepEqual([...told].sort(), hosted.map((instance) => `agent-up ${instance}`).sort())
  })

  it('are told once each by those who were there when a node died and returned', async () => {
    const { instance: former } = await mesh.run(mesh.nodes[2]!.agent('worker'))
    const told = [0, 1].map((i) => follow(mesh.nodes[i]!))
    mesh.crash(2)
    for (const i of [0, 1]) await knows(mesh, mesh.nodes[i]!, [])
    await mesh.restart(2)
    const { instance } = await mesh.run(mesh.nodes[2]!.agent('worker'))
    for (const i of [0, 1]) await knows(mesh, mesh.nodes[i]!, [instance])
    for (const events of told) assert.deepEqual(events, [`agent-down ${former}`, `agent-up ${instance}`])
  })
})
