/** Two that spill what comes while they read nothing. */
import type { Message, Node } from '../../../src/index.ts'
import type { Job } from '../harness/types.ts'

export const TOPIC = 'bench.tick'

/** Messages that wait in memory; one more is being handled. */
export const IN_MEMORY = 1_000
const SPILLING = { overflow: 'spill-to-disk', maxQueue: { messages: IN_MEMORY } } as const

export interface Withheld {
  /** Nothing is read from here on; whatever came before has been. */
  withhold(): void
  /** What waits is read, and what comes: so many messages in all. */
  release(messages: number): void
}

export async function withheld(node: Node, job: Job, read: (message: Message) => void): Promise<Withheld> {
  return job.pattern === 'spill' ? mailbox(node, read) : subscription(node, read)
}

/** An agent whose handler does not return. */
async function mailbox(node: Node, read: (message: Message) => void): Promise<Withheld> {
  let gate: PromiseWithResolvers<void> | undefined
  const receive = (message: Message): unknown =>
    gate === undefined ? read(message) : gate.promise.then(() => read(message))
  await node.agent('sink', { receive, ...SPILLING })
  return {
    withhold() {
      gate = Promise.withResolvers()
    },
    release() {
      gate?.resolve()
      gate = undefined
    }
  }
}

/** A subscription whose loop asks for nothing. */
async function subscription(node: Node, read: (message: Message) => void): Promise<Withheld> {
  const agent = await node.agent('sink')
  const made = agent.subscribe(TOPIC, SPILLING)
  await made.ready
  const messages = made[Symbol.asyncIterator]()
  return {
    withhold() {},
    async release(count) {
      for (let i = 0; i < count; i++) read((await messages.next()).value)
    }
  }
}
