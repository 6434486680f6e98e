import type { Pattern, Solo } from '../harness/types.ts'
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
  recovery
}

export const ours: Solo = (job) => {
  const solo = SOLOS[job.pattern]
  if (solo === undefined) throw new Error(`${job.pattern} needs two processes`)
  return solo(job)
}
