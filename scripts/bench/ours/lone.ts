/** One acknowledged message at a time, each on an idle link. */
import type { Agent } from '../../../src/index.ts'
import { alone } from '../alone.ts'
import type { Tally } from '../harness/tally.ts'
import type { Job, Sender } from '../harness/types.ts'
import { payloads } from '../payload.ts'

/** `sent` is called after each. */
export function loneSends(agent: Agent, job: Job, tally: Tally, sent: () => void): Sender['run'] {
  const options = { type: 'bench.message', delivery: 'at-least-once', priority: job.priority } as const
  const payload = payloads(job.bytes)
  return async (messages, latency) => {
    for (let i = 0; i < messages; i++) {
      const data = payload()
      const at = performance.now()
      const end = agent.send('sink', data, options)
      sent()
      const { id } = await end
      latency((performance.now() - at) * 1_000)
      tally.sent(id, data)
      await alone()
    }
  }
}
