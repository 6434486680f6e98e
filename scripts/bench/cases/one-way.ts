import { measurePair } from '../harness/pair.ts'
import { type Case, job, rate } from './types.ts'

const send = (contender: string, messages: number) => job({ contender, pattern: 'one-way', messages })

export const oneWay: Case = {
  name: 'one-way',
  unit: 'messages/s',
  measure: measurePair,
  value: rate,
  ours: { ...send('ours', 500_000), inFlight: 1024 },
  against: [
    { job: send('plain', 40_000), atLeast: 10 },
    { job: send('batched', 300_000), atLeast: 1.5 },
    { job: send('tls', 300_000) }
  ]
}
