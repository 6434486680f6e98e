import type { Priority } from '../../../src/index.ts'
import { measurePair } from '../harness/pair.ts'
import { type Case, job, p50, rate } from './types.ts'

const flood = (contender: string, messages: number) => job({ contender, pattern: 'one-way', messages, inFlight: 1024 })

/** What batches are worth: the same node, told to flush after each message, so that each is written to the stream by itself. */
export const batching: Case = {
  name: 'batching',
  unit: 'messages/s',
  measure: measurePair,
  value: rate,
  ours: flood('ours', 500_000),
  against: [{ job: flood('flushed', 100_000), atLeast: 1 }]
}

const PRIORITIES: readonly Priority[] = ['low', 'normal', 'high', 'critical']

/** As long a warm-up as that of `echo`, nearly. A stream knows no priorities: it is measured beside each of them. */
const ask = (contender: string, priority: Priority) =>
  job({ contender, pattern: 'lone', messages: 5_000, warmUp: 10_000, priority })

/**
 * That a batch delays nobody: one message at a time on an idle link, until it is acknowledged. Against the same on a plain
 * libp2p stream, where each message is a write, and against the node itself told to flush after each.
 */
export const lone = PRIORITIES.map(
  (priority): Case => ({
    name: `lone-${priority}`,
    unit: 'µs p50',
    measure: measurePair,
    value: p50,
    ours: ask('ours', priority),
    against: [
      { job: ask('plain', priority), atMost: 1.2 },
      { job: ask('flushed', priority), atMost: 1.1 }
    ]
  })
)
