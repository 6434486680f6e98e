import { Stopwatch } from '../harness/stopwatch.ts'
import type { Solo } from '../harness/types.ts'
import { reading } from '../reading.ts'

/** What it costs at least to hand data over without sharing it. */
export const clone: Solo = async ({ messages, warmUp }) => {
  let sum = 0
  const run = (count: number) => {
    for (let i = 0; i < count; i++) sum += structuredClone(reading(i)).value
  }
  run(warmUp)
  const watch = new Stopwatch()
  run(messages)
  if (!Number.isFinite(sum)) throw new Error('the copies were wrong')
  return { messages, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0 }
}
