import type { Agent, Message, Node, Receipt } from '../../../src/index.ts'
import type { Tally } from '../harness/tally.ts'
import type { Job, Pattern, Sender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { Gate } from './gate.ts'

const DURABLE = new Set<Pattern>(['durable', 'lone-durable', 'exactly-once'])
/** Keys of the agent's state that the handlers change in turn. */
const KEYS = 1_024
/** How a message ends that was handled; 'duplicate' where it had been sent again, on a machine that is busy. */
const HANDLED = new Set<Receipt['status']>(['delivered', 'duplicate'])

export function isDurable({ pattern }: Job): boolean {
  return DURABLE.has(pattern)
}

/** Every message changes the agent's state. */
export async function receiveOnce(node: Node, { inFlight }: Job, read: (message: Message) => void): Promise<void> {
  const agent = await node.agent('sink')
  let count = 0
  agent.receive(
    async (message, ctx) => {
      const number = count++
      await ctx.commit([{ type: 'put', key: `slot/${number % KEYS}`, value: number }])
      read(message)
    },
    { delivery: 'exactly-once', concurrency: inFlight }
  )
}

/** Timed until the receiver has acknowledged what it has on disk. */
export function durableSends(agent: Agent, job: Job, tally: Tally): Sender['run'] {
  const delivery = job.pattern === 'exactly-once' ? 'exactly-once' : 'at-least-once'
  const options = { type: 'bench.message', delivery, durable: true } as const
  const payload = payloads(job.bytes)
  return async (messages, latency) => {
    const gate = new Gate(job.inFlight)
    for (let i = 0; i < messages; i++) {
      const data = payload()
      const at = performance.now()
      const end = agent.send('sink', data, options).then(({ settled }) => settled)
      gate.pass(end, ({ id, status }) => {
        if (!HANDLED.has(status)) throw new Error(`a message ended as ${status}`)
        latency((performance.now() - at) * 1_000)
        tally.sent(id, data)
      })
      if (gate.full) await gate.room()
    }
    await gate.empty()
  }
}
