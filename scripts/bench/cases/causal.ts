import { measurePair } from '../harness/pair.ts'
import { type Case, job, rate } from './types.ts'

/** That talk to both while one sends to the other, these two included. */
const NODES = 10

const send = (pattern: 'one-way' | 'causal') =>
  job({ contender: 'ours', pattern, messages: 300_000, inFlight: 1_024, size: NODES })

/** What causal order costs: the same talk without it. */
export const causal: Case = {
  name: 'causal',
  unit: 'messages/s',
  measure: measurePair,
  value: rate,
  ours: send('causal'),
  against: [{ name: 'unordered', job: send('one-way'), atLeast: 0.85 }]
}
