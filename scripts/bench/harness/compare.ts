import type { Against, Case } from '../cases/types.ts'
import type { Job, Measurement } from './types.ts'

/** One line of the results: ours against one baseline. */
export interface Row {
  case: string
  unit: string
  value: number
  baseline: number
  /** Ratio of the two medians. */
  ratio: number
  runs: number
  /** What the ratio has to be, where anything is demanded. */
  aim?: string
  met?: boolean
  /** Seconds of processor time per 100,000 messages, both ends. */
  cpu: { value: number; baseline: number }
  /** Peak resident memory of both ends in MiB. */
  peakMiB: { value: number; baseline: number }
  /** Medians of the other figures that ours tells, by their names and units. */
  extra?: Record<string, number>
}

export interface Pace {
  runs: number
  /** Divides the messages of every job. */
  divisor: number
  /** Nodes, agents and subscriptions are no more than this. */
  maxSize: number
  /** Baselines of each case: the demanding ones come first in it. */
  baselines: number
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function paced(job: Job, { divisor, maxSize }: Pace): Job {
  const least = Math.min(job.messages, job.inFlight, 256)
  const share = (messages: number) => Math.max(least, Math.ceil(messages / divisor))
  return { ...job, messages: share(job.messages), warmUp: share(job.warmUp), size: Math.min(job.size, maxSize) }
}

/** Compares cases at one pace. A job that several cases share is measured once a run. */
export class Comparison {
  readonly #pace: Pace
  readonly #progress: (text: string) => void
  readonly #measured = new Map<string, Measurement>()

  constructor(pace: Pace, progress: (text: string) => void) {
    this.#pace = pace
    this.#progress = progress
  }

  /** Runs every contender of a case in turn, as often as the pace says, so that all see the same weather. */
  async compare(it: Case): Promise<Row[]> {
    const baselines = it.against.slice(0, this.#pace.baselines)
    const jobs = [...baselines.map((against) => ('job' in against ? against.job : undefined)), it.ours]
    const measured: Measurement[][] = jobs.map(() => [])
    for (let run = 1; run <= this.#pace.runs; run++) {
      for (const [i, job] of jobs.entries()) {
        if (job !== undefined) measured[i]!.push(await this.#measure(it, paced(job, this.#pace), run))
      }
    }
    const ours = measured.at(-1)!
    return baselines.map((against, i) => row(it, against, ours, measured[i]!))
  }

  async #measure(it: Case, job: Job, run: number): Promise<Measurement> {
    const key = JSON.stringify([job, run])
    const known = this.#measured.get(key)
    if (known !== undefined) return known
    this.#progress(`${it.name} ${job.contender} ${run}/${this.#pace.runs}`)
    const measurement = await it.measure(job)
    this.#measured.set(key, measurement)
    return measurement
  }
}

function row(it: Case, against: Against, ours: Measurement[], theirs: Measurement[]): Row {
  const both = (figure: (measurement: Measurement) => number) => ({
    value: median(ours.map(figure)),
    baseline: theirs.length === 0 ? 0 : median(theirs.map(figure))
  })
  const value = median(ours.map(it.value))
  const extra = extraOf(ours)
  const baseline = 'limit' in against ? against.limit : median(theirs.map(it.value))
  const ratio = value / baseline
  return {
    case: `${it.name}/${nameOf(against)}`,
    unit: it.unit,
    value,
    baseline,
    ratio,
    runs: ours.length,
    ...aim(against, ratio),
    cpu: both(({ cpuSeconds, messages }) => (cpuSeconds / messages) * 100_000),
    peakMiB: both(({ peakMiB }) => peakMiB),
    ...(extra === undefined ? {} : { extra })
  }
}

function extraOf(ours: Measurement[]): Record<string, number> | undefined {
  const [first] = ours
  if (first?.extra === undefined) return undefined
  return Object.fromEntries(
    Object.keys(first.extra).map((name) => [name, median(ours.map((one) => one.extra![name]!))])
  )
}

export function nameOf(against: Against): string {
  return 'job' in against ? (against.name ?? against.job.contender) : against.name
}

function aim({ atLeast, atMost }: Against, ratio: number): Pick<Row, 'aim' | 'met'> {
  if (atLeast !== undefined) return { aim: `≥ ${atLeast}`, met: ratio >= atLeast }
  if (atMost !== undefined) return { aim: `≤ ${atMost}`, met: ratio <= atMost }
  return {}
}
