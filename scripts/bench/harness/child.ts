/** The entry of a forked process: one end of a contender, driven by calls from the parent. */
import { contender } from '../contenders.ts'
import { answer } from './answer.ts'
import type { Calls } from './calls.ts'
import { Latency } from './latency.ts'
import { Stopwatch } from './stopwatch.ts'
import { Tally } from './tally.ts'
import type { Receiver, Sender } from './types.ts'

const tally = new Tally()
let end: Receiver | Sender
let watch: Stopwatch
let reached: Promise<bigint>

answer<Calls>({
  async load(job) {
    await contender(job.contender)
  },

  async listen(job) {
    const receiver = await (await contender(job.contender)).receive(job, tally)
    end = receiver
    return receiver.address
  },

  async connect(job, address) {
    end = await (await contender(job.contender)).connect(job, address, tally)
  },

  async expect(messages) {
    tally.clear()
    watch = new Stopwatch()
    reached = tally.reached(messages)
  },

  async finished() {
    const at = await reached
    return { at, account: tally.account(), cpuSeconds: watch.cpuSeconds }
  },

  async run(messages) {
    tally.clear()
    watch = new Stopwatch()
    const latency = new Latency()
    await (end as Sender).run(messages, latency.record)
    const at = process.hrtime.bigint()
    return { from: watch.from, at, account: tally.account(), cpuSeconds: watch.cpuSeconds, ...latency.percentiles() }
  },

  async close() {
    const peakMiB = process.resourceUsage().maxRSS / 1024
    await end.close()
    return peakMiB
  }
})
