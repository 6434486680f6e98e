import { measurePair } from '../harness/pair.ts'
import { type Case, job, rate } from './types.ts'

const ask = (contender: string, messages: number) => job({ contender, pattern: 'requests', messages, inFlight: 256 })

export const requests: Case = {
  name: 'requests',
  unit: 'requests/s',
  measure: measurePair,
  value: rate,
  ours: ask('ours', 100_000),
  against: [
    { job: ask('stream-per-request', 1_000), atLeast: 50 },
    { job: ask('plain', 15_000), atLeast: 7 },
    { job: ask('batched', 100_000), atLeast: 1 },
    { job: ask('tls', 100_000) }
  ]
}
