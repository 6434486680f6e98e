import { Forked } from './process.ts'
import type { Job, Measurement } from './types.ts'

export interface SoloCalls {
  measure(job: Job): Promise<Measurement>
}

/** Runs one job within one fresh process, in so many ms at most. */
export async function measureSolo(job: Job, deadline?: number): Promise<Measurement> {
  const child = new Forked<SoloCalls>(new URL('./solo-child.ts', import.meta.url), deadline)
  try {
    return await child.calls.measure(job)
  } finally {
    child.end()
  }
}
