/** What a name or a topic costs among few and among many. */
import { createNode, type Message } from '../../../src/index.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import type { Solo } from '../harness/types.ts'

/** A stride that visits names in no order that a cache would like. */
const STRIDE = 7919

async function timed(messages: number, warmUp: number, once: (i: number) => Promise<unknown>): ReturnType<Solo> {
  for (let i = 0; i < warmUp; i++) await once(i)
  const watch = new Stopwatch()
  for (let i = 0; i < messages; i++) await once(i)
  return { messages, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
}

/** A request to one of `size` agents of this node. */
export const resolve: Solo = async ({ messages, warmUp, size }) => {
  await using node = await createNode({ name: 'resolve' })
  const handle = { 'bench.echo': (message: Message) => message.data }
  await Promise.all(Array.from({ length: size }, (_, i) => node.agent(`agent-${i}`, { handle })))
  const agent = await node.agent('source')
  return await timed(messages, warmUp, async (i) => {
    const { data } = await agent.request(`agent-${(i * STRIDE) % size}`, i, { type: 'bench.echo' })
    if (data !== i) throw new Error(`${data} answers ${i}`)
  })
}

/** A publish that one of `size` subscriptions of this node matches, half of them with a wildcard. */
export const match: Solo = async ({ messages, warmUp, size }) => {
  await using node = await createNode({ name: 'match' })
  const agent = await node.agent('source')
  let arrived: (value: unknown) => void = () => {}
  for (let i = 0; i < size; i++) {
    const subscription = agent.subscribe(i % 2 === 0 ? `bench.${i}.tick` : `bench.${i}.*`)
    await subscription.ready
    ;(async () => {
      for await (const message of subscription) arrived(message.data)
    })()
  }
  return await timed(messages, warmUp, async (i) => {
    const next = new Promise((resolve) => {
      arrived = resolve
    })
    await agent.publish(`bench.${(i * STRIDE) % size}.tick`, i)
    const data = await next
    if (data !== i) throw new Error(`${data} came for ${i}`)
  })
}
