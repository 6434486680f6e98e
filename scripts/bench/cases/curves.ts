import { measureSolo } from '../harness/solo.ts'
import type { Pattern } from '../harness/types.ts'
import { type Case, job, rate } from './types.ts'

/** Flat: no more than twice the cost of the smallest, caches included. */
const FLAT = 2

/** One point of a curve against its first point. */
function point(pattern: Pattern, first: number, size: number, messages: number): Case {
  const at = (size: number) => job({ contender: 'ours', pattern, messages, size })
  return {
    name: `${pattern}-${size}`,
    unit: 'µs each',
    measure: measureSolo,
    value: (measurement) => 1e6 / rate(measurement),
    ours: at(size),
    against: [{ name: String(first), job: at(first), atMost: FLAT }]
  }
}

/** A name among so many agents of one node. */
export const resolving = [100, 1_000, 10_000].map((size) => point('resolve', 10, size, 50_000))

/** A topic among so many subscriptions. */
export const matching = [100, 1_000].map((size) => point('match', 10, size, 5_000))
