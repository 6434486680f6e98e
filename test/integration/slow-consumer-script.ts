import type { MeshError } from '../../protocols/errors.ts'
import type { Node } from '../../src/index.ts'
import type { Subscription } from '../../src/runtime/pubsub/types.ts'

/** Messages that are published before the next are; a guess that keeps the publisher from ever being idle. */
const TOGETHER = 64
const PADDING = 'x'.repeat(4_000)

/** Publishes numbers of 4 KB as fast as it may for so many ms, so many at least; resolves with how many. */
export async function flood(node: Node, ms: number, least: number): Promise<number> {
  const agent = await node.agent('source')
  const end = Date.now() + ms
  let count = 0
  while (Date.now() < end || count < least) {
    const batch = Array.from({ length: TOGETHER }, () => agent.publish('ticks', { number: count++, PADDING }))
    await Promise.all(batch)
    await new Promise(setImmediate)
  }
  await agent.publish('ticks', { number: count++, PADDING }, { durable: true })
  return count
}

let lagging: Subscription | undefined

/** Subscribes in both ways that slow nobody, and reads nothing. */
export async function ignore(node: Node): Promise<void> {
  const agent = await node.agent('sloth')
  lagging = agent.subscribe('ticks', { durable: true, name: 'lagging' })
  const dropping = agent.subscribe('ticks')
  await Promise.all([lagging.ready, dropping.ready])
}

/** Reads at last what is kept, up to number `last`: how many messages, and how many it was told are missing. */
export async function wake(_node: Node, last: number): Promise<{ read: number; missing: number }> {
  let read = 0
  let missing = 0
  for (let at = -1; at < last; ) {
    try {
      for await (const { data } of lagging!) {
        const { number } = data as { number: number }
        if (number <= at) throw new Error(`${number} after ${at}`)
        at = number
        read++
        if (at === last) break
      }
    } catch (error) {
      const { code, details } = error as MeshError
      if (code !== 'ERR_GAP') throw error
      missing += details!.messages as number
    }
  }
  return { read, missing }
}

/** Bytes of this process that are resident. */
export function memory(): number {
  return process.memoryUsage().rss
}
