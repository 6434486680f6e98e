import { measurePair } from '../harness/pair.ts'
import { type Case, job, rate } from './types.ts'

const send = (contender: string) => job({ contender, pattern: 'one-way', messages: 500_000, inFlight: 1024, size: 10 })

/**
 * What causal order costs at its worst: the specification allows 15 % of the throughput with ten nodes in the clock. One node sends to
 * ten others strictly in turn, the worst of patterns: each message follows nine that its receiver has not heard of, and
 * each receiver takes over what it hears of the nine others.
 */
export const causalTurns: Case = {
  name: 'causal-turns',
  unit: 'messages/s',
  measure: measurePair,
  value: rate,
  ours: send('causal'),
  against: [{ job: send('unordered'), atLeast: 0.85 }]
}
