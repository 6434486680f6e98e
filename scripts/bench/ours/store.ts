/** One node alone with its disk. */
import { type Agent, createNode } from '../../../src/index.ts'
import { folder } from '../harness/folder.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import type { Job, Solo } from '../harness/types.ts'
import { payloads } from '../payload.ts'
import { Gate } from './gate.ts'

const OPTIONS = { type: 'bench.message', delivery: 'at-least-once', durable: true } as const

/** Messages for an agent that nobody knows: they are stored, and wait. */
async function store(agent: Agent, messages: number, { bytes, inFlight }: Job): Promise<void> {
  const payload = payloads(bytes)
  const gate = new Gate(inFlight)
  for (let i = 0; i < messages; i++) {
    gate.pass(agent.send('nobody', payload(), OPTIONS), ({ status }) => {
      if (status !== 'stored') throw new Error(`a message for nobody is ${status}`)
    })
    if (gate.full) await gate.room()
  }
  await gate.empty()
}

export const storing: Solo = async (job) => {
  const { path, remove } = folder()
  const node = await createNode({ name: 'storing', dataDir: path })
  try {
    const agent = await node.agent('source')
    await store(agent, job.warmUp, job)
    const watch = new Stopwatch()
    await store(agent, job.messages, job)
    return { messages: job.messages, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
  } finally {
    await node.stop({ drain: false })
    remove()
  }
}

export const recovery: Solo = async (job) => {
  const { path, remove } = folder()
  try {
    const first = await createNode({ name: 'first-life', dataDir: path })
    await store(await first.agent('source'), job.messages, job)
    await first.stop({ drain: false })
    const watch = new Stopwatch()
    const second = await createNode({ name: 'second-life', dataDir: path })
    await (await second.agent('source')).send('nobody', 0, OPTIONS)
    const measured = { messages: job.messages, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
    await second.stop({ drain: false })
    return measured
  } finally {
    remove()
  }
}
