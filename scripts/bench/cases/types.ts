import type { Job, Measurement } from '../harness/types.ts'

/** What ours is held against, and the ratio it has to reach. */
export type Against = (Baseline | Limit) & Aim

interface Baseline {
  /** Names the comparison; the contender itself unless it says more. */
  name?: string
  job: Job
}

/** A figure that is demanded whatever the machine. */
interface Limit {
  name: string
  /** In the unit of the case. */
  limit: number
}

interface Aim {
  /** Ours ÷ this, at least. */
  atLeast?: number
  /** Ours ÷ this, at most. */
  atMost?: number
}

export interface Case {
  name: string
  /** What it needs and this machine lacks: then it is skipped, and that is said. */
  lacks?: string | undefined
  unit: string
  measure(job: Job): Promise<Measurement>
  value(measurement: Measurement): number
  ours: Job
  against: Against[]
}

export const rate = ({ messages, seconds }: Measurement): number => messages / seconds
export const p50 = (measurement: Measurement): number => measurement.p50!
export const p99 = (measurement: Measurement): number => measurement.p99!

/** One message in flight, 128 bytes, unless it says otherwise. A fifth of the messages warms up. */
export function job(job: Pick<Job, 'contender' | 'pattern' | 'messages'> & Partial<Job>): Job {
  return { warmUp: Math.ceil(job.messages / 5), bytes: 128, inFlight: 1, size: 1, ...job }
}
