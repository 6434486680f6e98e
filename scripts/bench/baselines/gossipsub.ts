/** gossipsub as it comes: one signed publish a message. */

import { setTimeout as delay } from 'node:timers/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { type GossipSub, gossipsub as service } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { Latency } from '../harness/latency.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import { Tally } from '../harness/tally.ts'
import type { Job, Solo } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { envelopes, packr, readEnvelope } from './envelope.ts'

/** `getMeshPeers` is there, its interface does not say so. */
type Service = GossipSub & { getMeshPeers(topic: string): string[] }
type Node = Libp2p<{ pubsub: GossipSub }>

const TOPIC = 'bench'
/** Each node dials so many of the next ones in a ring: twice as many neighbours, above gossipsub's degree of 6. */
const NEIGHBOURS = 4
/** Pause between lone publishes. ms */
const PAUSE = 20

function host(): Promise<Node> {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1000 },
    services: {
      identify: identify(),
      // without this the score of peers on one address empties every mesh
      pubsub: service({ emitSelf: false, scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 } })
    }
  })
}

async function mesh(size: number): Promise<Node[]> {
  const nodes = await Promise.all(Array.from({ length: size }, host))
  for (const [i, node] of nodes.entries()) {
    for (let k = 1; k <= NEIGHBOURS; k++) await node.dial(nodes[(i + k) % size]!.getMultiaddrs())
    node.services.pubsub.subscribe(TOPIC)
  }
  while (nodes.some((node) => (node.services.pubsub as Service).getMeshPeers(TOPIC).length < NEIGHBOURS))
    await delay(50)
  return nodes
}

async function flood(job: Job, publisher: GossipSub, received: Tally): Promise<{ watch: Stopwatch; seconds: number }> {
  const make = envelopes('/bench/publisher', 'bench.message')
  const payload = payloads(job.bytes)
  const run = async (messages: number) => {
    received.clear()
    const watch = new Stopwatch()
    const all = received.reached(messages * (job.size - 1))
    for (let i = 0; i < messages; i++) await publisher.publish(TOPIC, packr.pack(make(payload())))
    await all
    return { watch, seconds: watch.seconds }
  }
  await run(job.warmUp)
  return run(job.messages)
}

async function lone(job: Job, publisher: GossipSub, received: Tally, mark: (at: number) => void): Promise<void> {
  const make = envelopes('/bench/publisher', 'bench.message')
  const payload = payloads(job.bytes)
  for (let i = 0; i < job.warmUp + job.messages; i++) {
    received.clear()
    const all = received.reached(job.size - 1)
    mark(i < job.warmUp ? Number.NaN : performance.now())
    await publisher.publish(TOPIC, packr.pack(make(payload())))
    await all
    await delay(PAUSE)
  }
}

export const gossipsub: Solo = async (job) => {
  const nodes = await mesh(job.size)
  const publisher = nodes[0]!.services.pubsub
  const received = new Tally()
  const latency = new Latency()
  let published = Number.NaN
  for (const node of nodes) {
    const own = new Tally()
    node.services.pubsub.addEventListener('message', ({ detail }) => {
      const envelope = readEnvelope(detail.data, own)
      received.sent(envelope.id, envelope.data)
      if (!Number.isNaN(published)) latency.record((performance.now() - published) * 1000)
    })
  }
  if (job.pattern === 'publish') {
    const { watch, seconds } = await flood(job, publisher, received)
    return { messages: received.count, seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
  }
  const watch = new Stopwatch()
  await lone(job, publisher, received, (at) => (published = at))
  return {
    messages: job.messages,
    seconds: watch.seconds,
    cpuSeconds: watch.cpuSeconds,
    peakMiB: 0,
    ...latency.percentiles()
  }
}
