import { Forked } from './process.ts'
import type { Job, Measurement } from './types.ts'

export interface SoloCalls {
  measure(job: Job): Promise<Measurement>
}

/** Runs one job within one fresh process. */
export async function measureSolo(job: Job): Promise<Measurement> {
  const child = new Forked<SoloCalls>('./solo-child.ts')
  try {
    return await child.calls.measure(job)
  } finally {
    child.kill()
  }
}
