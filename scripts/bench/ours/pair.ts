/** The mesh as a program uses it: two nodes, an agent on each. */
import { type Agent, createNode, type Message } from '../../../src/index.ts'
import type { Tally } from '../harness/tally.ts'
import type { Contender, Job, Sender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { control, ECHO } from './control.ts'
import { Gate } from './gate.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']

function read(message: Message, tally: Tally): Uint8Array {
  const data = message.data as Uint8Array
  tally.read(message, message.trace?.traceparent ?? '', data)
  return data
}

export const ours: Contender = {
  async receive(job, tally) {
    const node = await createNode({ name: 'receiver', listen: LISTEN })
    await node.agent('sink', {
      receive: job.pattern === 'control' ? () => {} : (message: Message) => void read(message, tally),
      handle: { [ECHO]: (message: Message) => read(message, tally) }
    })
    return { address: String(node.multiaddrs[0]), close: () => node.stop({ drain: false }) }
  },

  async connect(job, address, tally) {
    const node = await createNode({ name: 'sender', listen: LISTEN, bootstrap: [address] })
    await node.ready({ peers: 1, timeout: 10_000 })
    const agent = await node.agent('source')
    const close = () => node.stop({ drain: false })
    if (job.pattern === 'control') return { run: control(agent, job, tally), close }
    return { run: job.pattern === 'requests' ? requests(agent, job, tally) : sends(agent, job, tally), close }
  }
}

function sends(agent: Agent, job: Job, tally: Tally): Sender['run'] {
  const delivery = job.pattern === 'acknowledged' ? 'at-least-once' : 'at-most-once'
  const options = { type: 'bench.message', delivery } as const
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
