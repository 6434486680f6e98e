/** The leader's process is killed, again and again. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Latency } from '../../harness/latency.ts'
import { Stopwatch } from '../../harness/stopwatch.ts'
import type { Solo } from '../../harness/types.ts'
import { Cluster } from './cluster.ts'
import { Writing } from './commands.ts'

/** ms between two writes of each writer. */
const PAUSE = 5
/** ms at most, by lot, from when all is well until the next kill: heartbeats have no time of their own. */
const LOT = 300

/** `inFlight` writers go on writing all the while. Timed from each kill until a write that began after it is done. */
export const failover: Solo = async (job) => {
  const cluster = await Cluster.start(job)
  const writing = new Writing(cluster.groups, job.bytes)
  await writing.run(job.warmUp, 256, () => {})
  let over = false
  const writers = Array.from({ length: job.inFlight }, async () => {
    while (!over) {
      await writing.one()
      await delay(PAUSE)
    }
  })
  const took: number[] = []
  const latency = new Latency()
  const watch = new Stopwatch()
  const stolen = new Steal()
  for (let kill = 0; kill < job.messages; kill++) {
    const leader = await cluster.settled()
    await delay(Math.random() * LOT)
    await leader.kill()
    const at = performance.now()
    await writing.one()
    const ms = performance.now() - at
    took.push(ms)
    latency.record(ms * 1_000)
    await leader.revive()
    await leader.start(cluster.addresses.filter((address) => address !== leader.address))
    await leader.calls.open(
      [...cluster.names],
      cluster.voters.map(({ peer }) => peer)
    )
  }
  const { seconds, cpuSeconds } = watch
  const steal = stolen.percent
  over = true
  await Promise.all(writers)
  await cluster.settled()
  await writing.check()
  const { peakMiB } = cluster
  await cluster.stop()
  const sorted = took.toSorted((a, b) => a - b)
  const p90 = sorted[Math.ceil(sorted.length * 0.9) - 1]!
  const extra = { 'p90 ms': p90, 'median ms': sorted[sorted.length >> 1]!, 'most ms': sorted.at(-1)!, 'steal %': steal }
  return { messages: job.messages, seconds, cpuSeconds, peakMiB, ...latency.percentiles(), extra }
}

/** Processor time that the machine's host gave to others (proc(5)). */
class Steal {
  readonly #before = times()

  get percent(): number {
    const now = times()
    const all = now.all - this.#before.all
    return all === 0 ? 0 : (100 * (now.steal - this.#before.steal)) / all
  }
}

function times(): { steal: number; all: number } {
  const fields = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]!.trim().split(/\s+/).slice(1, 9).map(Number)
  return { steal: fields[7]!, all: fields.reduce((sum, one) => sum + one, 0) }
}
