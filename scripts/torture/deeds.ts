/** What the hosts of the torture are asked to do, each in its own process. */
import { appendFileSync } from 'node:fs'
import type { Agent, MeshError, Node } from '../../src/index.ts'

export type Guarantee = 'at-least-once' | 'exactly-once'

// ---- the receiver ----------------------------------------------------------------------------------------------------

let worker: Agent | undefined

/** At least once: each number is a line in a journal, written before it is acknowledged. Exactly once: a count in the agent's state. */
export async function receive(node: Node, guarantee: Guarantee, journal: string): Promise<void> {
  worker = await node.agent('worker')
  if (guarantee === 'at-least-once') {
    worker.receive(({ data }) => appendFileSync(journal, `${data}\n`), { concurrency: 16 })
    return
  }
  worker.receive(
    async ({ data }, ctx) => {
      const key = `effect/${data}`
      const count = ((await ctx.state.get(key)) as number | undefined) ?? 0
      await ctx.commit([{ type: 'put', key, value: count + 1 }])
    },
    { delivery: 'exactly-once', concurrency: 16 }
  )
}

/** How often each number took effect. */
export async function effects(): Promise<Map<number, number>> {
  const counts = new Map<number, number>()
  for await (const [key, count] of worker!.state.entries())
    counts.set(Number(key.slice('effect/'.length)), count as number)
  return counts
}

// ---- the sender ------------------------------------------------------------------------------------------------------

let source: Agent | undefined

/** Sends the numbers; resolves with those that were acknowledged, once they are stored, or once they have ended. */
export async function send(node: Node, guarantee: Guarantee, numbers: number[], toTheEnd: boolean): Promise<number[]> {
  source ??= await node.agent('source')
  const accepted: number[] = []
  const one = async (number: number): Promise<void> => {
    try {
      const receipt = await source!.send('worker', number, {
        delivery: guarantee,
        durable: true,
        maxRetries: 1_000_000
      })
      if (toTheEnd) await receipt.settled
      accepted.push(number)
    } catch (error) {
      // The disk that fails says so; that is what an error is for.
      if ((error as MeshError).code !== 'ERR_STORAGE') throw error
    }
  }
  await Promise.all(numbers.map(one))
  return accepted
}
