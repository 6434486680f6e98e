import { measureSolo } from '../harness/solo.ts'
import { type Case, job, p50, rate } from './types.ts'

const NODES = 20

const flood = (contender: string, messages: number) => job({ contender, pattern: 'publish', messages, size: NODES })
const lone = (contender: string) =>
  job({ contender, pattern: 'lone-publish', messages: 100, warmUp: 20, inFlight: 1, size: NODES })

/** Messages × subscribers, at full rate; every one of them arrives or the run fails. */
export const publish: Case = {
  name: 'publish',
  unit: 'deliveries/s',
  measure: measureSolo,
  value: rate,
  ours: flood('ours', 10_000),
  against: [{ job: flood('gossipsub', 200), atLeast: 20 }]
}

export const lonePublish: Case = {
  name: 'publish-lone',
  unit: 'µs p50',
  measure: measureSolo,
  value: p50,
  ours: lone('ours'),
  against: [{ job: lone('gossipsub'), atMost: 1 }]
}
