/** The mesh as a program uses it: two nodes, an agent on each. */
import { type Agent, createNode, type Message, type Node, type NodeOptions } from '../../../src/index.ts'
import { folder } from '../harness/folder.ts'
import type { Tally } from '../harness/tally.ts'
import type { Contender, Job, Receiver, Sender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { company, ear, orderingOf } from './company.ts'
import { control, ECHO } from './control.ts'
import { durableSends, isDurable, receiveOnce } from './durable.ts'
import { Gate } from './gate.ts'
import { loneSends } from './lone.ts'
import { receiveSpilled, spills } from './spill.ts'
import { TOPIC } from './withheld.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']

function read(message: Message, tally: Tally): Uint8Array {
  const data = message.data as Uint8Array
  tally.read(message, message.trace?.traceparent ?? '', data)
  return data
}

/** The mesh as it is. */
export const ours = mesh(() => {})

/** Whoever sends has each message leave by itself. */
export const flushed = mesh((node) => void node.flush())

function mesh(sent: (node: Node) => void): Contender {
  return { receive, connect: (job, address, tally) => connect(job, address, tally, sent) }
}

async function receive(job: Job, tally: Tally): Promise<Receiver> {
  const { node, path, close } = await start(job, { name: 'receiver' })
  const address = String(node.multiaddrs[0])
  if (spills(job)) return { address, close, ...(await receiveSpilled(node, path!, job, tally)) }
  if (job.pattern === 'exactly-once') {
    await receiveOnce(node, job, (message) => void read(message, tally))
    return { address, close }
  }
  await node.agent('sink', {
    receive: job.pattern === 'control' ? () => {} : (message: Message) => void read(message, tally),
    handle: { [ECHO]: (message: Message) => read(message, tally) }
  })
  if (job.size === 1) return { address, close }
  await ear(node, 'ear-of-the-receiver')
  const others = await company(job, address)
  return { address, close: async () => void (await Promise.all([others.close(), close()])) }
}

async function connect(job: Job, address: string, tally: Tally, sent: (node: Node) => void): Promise<Sender> {
  const { node, close } = await start(job, { name: 'sender', bootstrap: [address] })
  await node.ready({ peers: 1, timeout: 10_000 })
  if (job.size > 1) await ear(node, 'ear-of-the-sender')
  const agent = await node.agent('source')
  if (isDurable(job)) return { run: durableSends(agent, job, tally), close }
  if (job.pattern === 'control') return { run: control(agent, job, tally), close }
  const flush = () => sent(node)
  if (job.pattern === 'lone') return { run: loneSends(agent, job, tally, flush), close }
  return { run: job.pattern === 'requests' ? requests(agent, job, tally) : sends(agent, job, tally, flush), close }
}

/** With a data folder of its own where the pattern is about disks. */
async function start(
  job: Job,
  options: NodeOptions
): Promise<{ node: Node; path: string | undefined; close(): Promise<void> }> {
  const data = isDurable(job) || spills(job) ? folder() : undefined
  const node = await createNode({ ...options, listen: LISTEN, ...(data !== undefined && { dataDir: data.path }) })
  const close = async (): Promise<void> => {
    await node.stop({ drain: false })
    data?.remove()
  }
  return { node, path: data?.path, close }
}

/** `sent` is called after each. */
function sends(agent: Agent, job: Job, tally: Tally, sent: () => void): Sender['run'] {
  const delivery = job.pattern === 'acknowledged' ? 'at-least-once' : 'at-most-once'
  const ordered = orderingOf(job) === 'causal' ? ({ ordering: 'causal' } as const) : {}
  const options = { type: 'bench.message', delivery, ...ordered } as const
  const payload = payloads(job.bytes)
  const send: (data: Uint8Array) => Promise<{ id: string }> =
    job.pattern === 'spill-topic' ? (data) => agent.publish(TOPIC, data) : (data) => agent.send('sink', data, options)
  return async (messages) => {
    const gate = new Gate(job.inFlight)
    for (let i = 0; i < messages; i++) {
      const data = payload()
      gate.pass(send(data), ({ id }) => tally.sent(id, data))
      sent()
      if (gate.full) await gate.room()
    }
    await gate.empty()
  }
}

function requests(agent: Agent, job: Job, tally: Tally): Sender['run'] {
  const options = { type: ECHO }
  const payload = payloads(job.bytes)
  return async (messages, latency) => {
    const gate = new Gate(job.inFlight)
    for (let i = 0; i < messages; i++) {
      const data = payload()
      const at = performance.now()
      gate.pass(agent.request('sink', data, options), (reply) => {
        latency((performance.now() - at) * 1000)
        if (reply.time.length + reply.trace!.traceparent.length + reply.source.length < 80) throw new Error('bad reply')
        tally.sent(reply.routing!.correlation!, data)
      })
      if (gate.full) await gate.room()
    }
    await gate.empty()
  }
}
