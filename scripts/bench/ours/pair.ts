/** The mesh as a program uses it: two nodes, an agent on each. */
import { type Agent, createNode, type Message, type Node, type NodeOptions } from '../../../src/index.ts'
import { folder } from '../harness/folder.ts'
import type { Tally } from '../harness/tally.ts'
import type { Contender, Job, Sender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { company, ear, orderingOf } from './company.ts'
import { control, ECHO } from './control.ts'
import { durableSends, isDurable, receiveOnce } from './durable.ts'
import { Gate } from './gate.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']

function read(message: Message, tally: Tally): Uint8Array {
  const data = message.data as Uint8Array
  tally.read(message, message.trace?.traceparent ?? '', data)
  return data
}

export const ours: Contender = {
  async receive(job, tally) {
    const { node, close } = await start(job, { name: 'receiver' })
    const address = String(node.multiaddrs[0])
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
  },

  async connect(job, address, tally) {
    const { node, close } = await start(job, { name: 'sender', bootstrap: [address] })
    await node.ready({ peers: 1, timeout: 10_000 })
    if (job.size > 1) await ear(node, 'ear-of-the-sender')
    const agent = await node.agent('source')
    if (isDurable(job)) return { run: durableSends(agent, job, tally), close }
    if (job.pattern === 'control') return { run: control(agent, job, tally), close }
    return { run: job.pattern === 'requests' ? requests(agent, job, tally) : sends(agent, job, tally), close }
  }
}

/** With a data folder of its own where the pattern is about disks. */
async function start(job: Job, options: NodeOptions): Promise<{ node: Node; close(): Promise<void> }> {
  const data = isDurable(job) ? folder() : undefined
  const node = await createNode({ ...options, listen: LISTEN, ...(data !== undefined && { dataDir: data.path }) })
  const close = async (): Promise<void> => {
    await node.stop({ drain: false })
    data?.remove()
  }
  return { node, close }
}

function sends(agent: Agent, job: Job, tally: Tally): Sender['run'] {
  const delivery = job.pattern === 'acknowledged' ? 'at-least-once' : 'at-most-once'
  const ordered = orderingOf(job) === 'causal' ? ({ ordering: 'causal' } as const) : {}
  const options = { type: 'bench.message', delivery, ...ordered } as const
  const payload = payloads(job.bytes)
  return async (messages) => {
    const gate = new Gate(job.inFlight)
    for (let i = 0; i < messages; i++) {
      const data = payload()
      gate.pass(agent.send('sink', data, options), ({ id }) => tally.sent(id, data))
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
