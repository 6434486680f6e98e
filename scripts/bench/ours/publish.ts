/** Twenty nodes in one process; one publishes, all the others subscribe. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Agent, createNode, type Message, type Node } from '../../../src/index.ts'
import { Latency } from '../harness/latency.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import { Tally } from '../harness/tally.ts'
import type { Job, Solo } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { Gate } from './gate.ts'

const TOPIC = 'bench.tick'
/** Pause between lone publishes. ms */
const PAUSE = 20
/** Publishes outstanding at full rate. */
const OUTSTANDING = 256
/** Room for everything at a subscriber: what is measured is the mesh, and nothing may be lost. */
const ROOM = { messages: 1_000_000, bytes: 2 ** 28 }

interface Swarm {
  publisher: Agent
  received: Tally
  stop(): Promise<void>
}

async function swarm(job: Job, arrived: () => void): Promise<Swarm> {
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const first = await createNode({ name: 'node-0', listen })
  const bootstrap = [String(first.multiaddrs[0])]
  const nodes: Node[] = [first]
  for (let i = 1; i < job.size; i++) nodes.push(await createNode({ name: `node-${i}`, listen, bootstrap }))
  // a node need not be everybody's neighbour, but it has to know everybody
  while (nodes.some((node) => node.peers().length < job.size - 1)) await delay(50)

  const received = new Tally()
  for (const [i, node] of nodes.slice(1).entries())
    await subscribe(await node.agent(`listener-${i}`), received, arrived)
  const publisher = await first.agent('publisher')
  return {
    publisher,
    received,
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop({ drain: false }))))
  }
}

async function subscribe(agent: Agent, received: Tally, arrived: () => void): Promise<void> {
  const own = new Tally()
  const subscription = agent.subscribe(TOPIC, { maxQueue: ROOM, highWatermark: ROOM.messages })
  await subscription.ready
  ;(async () => {
    for await (const message of subscription as AsyncIterable<Message<Uint8Array>>) {
      own.read(message, message.trace?.traceparent ?? '', message.data)
      received.sent(message.id, message.data)
      arrived()
    }
  })()
}

export const publish: Solo = async (job) => {
  const { publisher, received, stop } = await swarm(job, () => {})
  const payload = payloads(job.bytes)
  const run = async (messages: number) => {
    received.clear()
    const watch = new Stopwatch()
    const all = received.reached(messages * (job.size - 1))
    const gate = new Gate(OUTSTANDING)
    for (let i = 0; i < messages; i++) {
      gate.pass(publisher.publish(TOPIC, payload()), () => {})
      if (gate.full) await gate.room()
    }
    await Promise.all([gate.empty(), all])
    return { messages: received.count, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
  }
  await run(job.warmUp)
  const measured = await run(job.messages)
  await stop()
  return measured
}

export const lonePublish: Solo = async (job) => {
  const latency = new Latency()
  let published = Number.NaN
  const { publisher, received, stop } = await swarm(job, () => {
    if (!Number.isNaN(published)) latency.record((performance.now() - published) * 1000)
  })
  const payload = payloads(job.bytes)
  const watch = new Stopwatch()
  for (let i = 0; i < job.warmUp + job.messages; i++) {
    received.clear()
    const all = received.reached(job.size - 1)
    published = i < job.warmUp ? Number.NaN : performance.now()
    await publisher.publish(TOPIC, payload())
    await all
    await delay(PAUSE)
  }
  const measured = { seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
  await stop()
  return { messages: job.messages, ...measured, ...latency.percentiles() }
}
