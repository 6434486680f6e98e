import type { Statistics } from './statistics.ts'

export interface Percentiles {
  count: number
  /** ms */
  p50: number
  p99: number
  max: number
}

/** What the desk found out by asking the mesh, and nothing else. */
export interface Outcome {
  entered: number
  left: number
  /** Results that did not come in the order in which their records entered. */
  outOfOrder: number
  seconds: number
  /** Records by the host that enriched them. */
  enrichedBy: Record<string, number>
  statistics: Statistics & { counted: number }
  alerts: { all: number; strongQuakes: number; longDelays: number }
  stream: { days: number; rain: number }
  airports: { asked: number; answeredBy: Record<string, number> }
  latency: { pipeline: Percentiles; statistics: Percentiles; airports: Percentiles; alerts: Percentiles }
  stages: { name: string; in: number; out: number; retried: number }[]
}
