/** How long a control request takes while bulk fills the connection that it shares. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Agent } from '../../../src/index.ts'
import type { Tally } from '../harness/tally.ts'
import type { Job, Sender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { Gate } from './gate.ts'

/** The type that the receiver answers with the data it got. */
export const ECHO = 'bench.echo'
/** Bytes of bulk outstanding: more than the sockets hold, less than a link's queue does. */
const OUTSTANDING = 4 * 1024 * 1024
/** Pause between control requests. ms */
const PAUSE = 1
/** Payload of a control request. */
const BYTES = 128

export function control(agent: Agent, job: Job, tally: Tally): Sender['run'] {
  const payload = payloads(BYTES)
  return async (messages, latency) => {
    const bulk = new AbortController()
    const filling = job.bytes === 0 ? undefined : fill(agent, job.bytes, bulk.signal).catch((e) => bulk.abort(e))
    for (let i = 0; i < messages; i++) {
      const data = payload()
      const at = performance.now()
      const reply = await agent.request('sink', data, { type: ECHO, priority: 'critical' })
      latency((performance.now() - at) * 1000)
      tally.sent(reply.routing!.correlation!, data)
      await delay(PAUSE)
      if (bulk.signal.aborted) throw bulk.signal.reason
    }
    bulk.abort()
    await filling
  }
}

async function fill(agent: Agent, bytes: number, signal: AbortSignal): Promise<void> {
  const payload = payloads(bytes)
  const gate = new Gate(Math.max(4, OUTSTANDING / bytes))
  while (!signal.aborted) {
    gate.pass(
      agent.send('sink', payload(), { type: 'bench.bulk', delivery: 'at-most-once', priority: 'low' }),
      () => {}
    )
    if (gate.full) await gate.room()
  }
  await gate.empty()
}
