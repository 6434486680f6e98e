import { type Agent, createNode, type Message, type Node } from '../../../src/index.ts'
import type { Job } from '../harness/types.ts'

/** ms between two words of each companion. */
const PAUSE = 5

/** Whether what is sent is to be handed out in causal order. */
export function orderingOf({ pattern }: Job): 'causal' | 'none' {
  return pattern === 'causal' ? 'causal' : 'none'
}

/**
 * Nodes beside the two that are measured, all of which talk to both: where their words are in causal order they are in the
 * past of what is measured.
 */
export async function company(job: Job, address: string): Promise<{ close(): Promise<void> }> {
  const nodes = await Promise.all(
    Array.from({ length: job.size - 2 }, (_, i) => createNode({ name: `companion-${i}`, bootstrap: [address] }))
  )
  const agents = await Promise.all(nodes.map((node) => node.agent('companion')))
  const timer = setInterval(() => {
    for (const [i, agent] of agents.entries()) say(agent, i, job)
  }, PAUSE)
  return {
    async close() {
      clearInterval(timer)
      await Promise.all(nodes.map((node) => node.stop({ drain: false })))
    }
  }
}

/** Hears what companions say. */
export async function ear(node: Node, name: string): Promise<void> {
  await node.agent(name, { receive: (_: Message) => {} })
}

function say(agent: Agent, number: number, job: Job): void {
  const options = { type: 'bench.word', delivery: 'at-most-once', ordering: orderingOf(job) } as const
  for (const name of ['ear-of-the-sender', 'ear-of-the-receiver']) agent.send(name, number, options).catch(() => {})
}
