import { measurePair } from '../harness/pair.ts'
import { type Case, job, rate } from './types.ts'

const send = (contender: string, messages: number) =>
  job({ contender, pattern: 'acknowledged', messages, inFlight: 4096 })

export const acknowledged: Case = {
  name: 'acknowledged',
  unit: 'messages/s',
  measure: measurePair,
  value: rate,
  ours: send('ours', 200_000),
  against: [
    { job: send('batched', 200_000), atLeast: 1.3 },
    { job: send('plain', 20_000) },
    { job: send('tls', 200_000) }
  ]
}
