/** The entry of a forked process: one end of a contender, driven by calls from the parent. */
import { contender } from '../contenders.ts'
import { answer } from './answer.ts'
import type { Calls } from './calls.ts'
import { Latency } from './latency.ts'
import { peakMiBOf } from './other-process.ts'
import { Stopwatch } from './stopwatch.ts'
import { Tally } from './tally.ts'
import type { Receiver, Sender } from './types.ts'

const tally = new Tally()
let receiver: Receiver | undefined
let sender: Sender | undefined
let watch: Stopwatch
let reached: Promise<bigint>

answer<Calls>({
  async load(job) {
    await contender(job.contender)
  },

  async listen(job) {
    receiver = await (await contender(job.contender)).receive(job, tally)
    return receiver.address
  },

  async connect(job, address) {
    sender = await (await contender(job.contender)).connect(job, address, tally)
  },

  async expect(messages) {
    await receiver?.expect?.(messages)
    tally.clear()
    watch = new Stopwatch(receiver?.processes)
    reached = tally.reached(messages)
  },

  async finished() {
    const extra = await receiver?.sent?.()
    const at = await reached
    return { at, account: tally.account(), cpuSeconds: watch.cpuSeconds, extra }
  },

  async run(messages) {
    tally.clear()
    watch = new Stopwatch()
    const latency = new Latency()
    await sender!.run(messages, latency.record)
    const at = process.hrtime.bigint()
    return { from: watch.from, at, account: tally.account(), cpuSeconds: watch.cpuSeconds, ...latency.percentiles() }
  },

  async close() {
    const others = receiver?.processes ?? []
    const peakMiB = others.reduce((sum, pid) => sum + peakMiBOf(pid), process.resourceUsage().maxRSS / 1024)
    await receiver?.close()
    await sender?.close()
    return peakMiB
  }
})
