import type { Pattern, Solo } from '../harness/types.ts'
import { eventualReads, reads, writes } from './consensus/commands.ts'
import { compaction } from './consensus/compaction.ts'
import { failover } from './consensus/failover.ts'
import { match, resolve } from './curves.ts'
import { local } from './local.ts'
import { lonePublish, publish } from './publish.ts'
import { recovery, storing } from './store.ts'

const SOLOS: Partial<Record<Pattern, Solo>> = {
  publish,
  'lone-publish': lonePublish,
  local,
  resolve,
  match,
  store: storing,
  recovery,
  consensus: writes,
  'consensus-lone': writes,
  'consensus-reads': reads,
  'consensus-eventual': eventualReads,
  'consensus-failover': failover,
  'consensus-compaction': compaction
}

export const ours: Solo = (job) => {
  const solo = SOLOS[job.pattern]
  if (solo === undefined) throw new Error(`${job.pattern} needs two processes`)
  return solo(job)
}
