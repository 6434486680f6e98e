/** One node that sends to an agent on each of several others, strictly in turn; the others live in one process. */
import { setTimeout as delay } from 'node:timers/promises'
import { createNode, type Message, type Node, type Ordering } from '../../../src/index.ts'
import type { Tally } from '../harness/tally.ts'
import type { Contender, Sender } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { Gate } from './gate.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']

function turns(ordering: Ordering): Contender {
  return {
    async receive({ size }, tally) {
      const nodes: Node[] = []
      for (let i = 0; i < size; i++) {
        const bootstrap = nodes.slice(0, 1).map(({ multiaddrs }) => String(multiaddrs[0]))
        const node = await createNode({ name: `receiver-${i}`, listen: LISTEN, bootstrap })
        await node.agent(`sink-${i}`, { receive: (message: Message) => read(message, tally) })
        nodes.push(node)
      }
      return {
        address: String(nodes[0]!.multiaddrs[0]),
        close: async () => void (await Promise.all(nodes.map((node) => node.stop({ drain: false }))))
      }
    },

    async connect(job, address, tally) {
      const node = await createNode({ name: 'sender', listen: LISTEN, bootstrap: [address] })
      // a node need not be everybody's neighbour, but it has to know everybody
      while (node.peers().length < job.size) await delay(50)
      const agent = await node.agent('source')
      const options = { type: 'bench.message', delivery: 'at-most-once', ordering } as const
      const payload = payloads(job.bytes)
      const run: Sender['run'] = async (messages) => {
        const gate = new Gate(job.inFlight)
        for (let i = 0; i < messages; i++) {
          const data = payload()
          gate.pass(agent.send(`sink-${i % job.size}`, data, options), ({ id }) => tally.sent(id, data))
          if (gate.full) await gate.room()
        }
        await gate.empty()
      }
      return { run, close: () => node.stop({ drain: false }) }
    }
  }
}

function read(message: Message, tally: Tally): void {
  tally.read(message, message.trace?.traceparent ?? '', message.data as Uint8Array)
}

export const causal = turns('causal')
export const unordered = turns('none')
