import { measureSolo } from '../harness/solo.ts'
import { type Case, job, rate } from './types.ts'

const hand = (contender: string) => job({ contender, pattern: 'local', messages: 200_000, inFlight: 256 })

/** Between two agents of one node. */
export const local: Case = {
  name: 'local',
  unit: 'messages/s',
  measure: measureSolo,
  value: rate,
  ours: hand('ours'),
  against: [{ job: hand('structuredClone'), atLeast: 0.5 }]
}
