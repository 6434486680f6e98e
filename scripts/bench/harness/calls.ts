import type { Account } from './tally.ts'
import type { Job } from './types.ts'

/** How one end's part of a run ended. */
interface Ended {
  /** Monotonic ns: one clock for every process of a machine. */
  at: bigint
  account: Account
  cpuSeconds: number
}

export interface Finished extends Ended {
  extra: Record<string, number> | undefined
}

export interface Ran extends Ended {
  from: bigint
  p50?: number
  p99?: number
}

/** What the parent asks of a forked end. */
export interface Calls {
  /** Loads the contender's modules. */
  load(job: Job): Promise<void>
  listen(job: Job): Promise<string>
  connect(job: Job, address: string): Promise<void>
  expect(messages: number): Promise<void>
  finished(): Promise<Finished>
  run(messages: number): Promise<Ran>
  close(): Promise<number>
}

export interface Call {
  name: string
  args: unknown[]
}

export type Answer = { value: unknown } | { error: string }
