import type { StageCounters, StagePlan, StageStatus } from './types.ts'

/** `waiting` for its turn at `stage`; `running` there; `pausing` before a retry; `finished` with a result; `dropped` without. */
export type ItemState = 'waiting' | 'running' | 'pausing' | 'finished' | 'dropped'

export interface Item {
  readonly sequence: number
  readonly line: Line
  /** As it entered. */
  readonly original: unknown
  /** What the stage at `stage` gets, or the result. */
  value: unknown
  /** Index into `line.stages`. */
  stage: number
  state: ItemState
  /** Attempts made at this stage. */
  attempts: number
}

/** A stage at work. Items start here in the order that they entered the pipeline, whatever the concurrency before it. */
export interface Stage {
  readonly plan: StagePlan
  readonly counters: StageCounters
  /** The number of the item that starts next; all before it have started here or will never come. */
  next: number
  /** At most `plan.concurrency`. A pause before a retry keeps the slot, or a later item would overtake. */
  running: number
  queued: number
}

/** The stages of one configuration, and what is on them. */
export interface Line {
  readonly stages: Stage[]
  /** Items that are neither finished nor dropped. */
  unfinished: number
}

export function createLine(plans: readonly StagePlan[], first: number, before: Line | undefined): Line {
  const stages = plans.map((plan): Stage => {
    const same = before?.stages.find((stage) => stage.plan.name === plan.name)
    return { plan, counters: same?.counters ?? zeroes(), next: first, running: 0, queued: 0 }
  })
  return { stages, unfinished: 0 }
}

export function statusOf(stage: Stage): StageStatus {
  const { plan, counters, queued, running } = stage
  return { name: plan.name, agent: plan.agent, ...counters, queued, running }
}

function zeroes(): StageCounters {
  return { in: 0, out: 0, failed: 0, retried: 0, skipped: 0, deadLettered: 0 }
}
