import { createNode, type Message } from '../../../src/index.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import type { Solo } from '../harness/types.ts'
import { type Reading, reading } from '../reading.ts'
import { Gate } from './gate.ts'

/** From one agent to another on the same node. */
export const local: Solo = async ({ messages, warmUp, inFlight }) => {
  await using node = await createNode({ name: 'local' })
  let sum = 0
  let count = 0
  await node.agent('sink', {
    receive: (message: Message) => {
      sum += (message.data as Reading).value
      count++
    }
  })
  const agent = await node.agent('source')
  const options = { type: 'bench.reading', delivery: 'at-most-once' } as const
  const run = async (sends: number) => {
    const gate = new Gate(inFlight)
    const until = count + sends
    for (let i = 0; i < sends; i++) {
      gate.pass(agent.send('sink', reading(i), options), () => {})
      if (gate.full) await gate.room()
    }
    await gate.empty()
    while (count < until) await new Promise(setImmediate)
  }
  await run(warmUp)
  const watch = new Stopwatch()
  await run(messages)
  const measured = { messages, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
  if (count !== messages + warmUp || !Number.isFinite(sum)) throw new Error(`${count} messages arrived`)
  return measured
}
