/** The entry of a forked process that measures a job all by itself. */
import { solo } from '../contenders.ts'
import { answer } from './answer.ts'
import type { SoloCalls } from './solo.ts'

answer<SoloCalls>({
  async measure(job) {
    const measurement = await (await solo(job.contender))(job)
    return { ...measurement, peakMiB: measurement.peakMiB + process.resourceUsage().maxRSS / 1024 }
  }
})
