import { randomBytes } from 'node:crypto'
import { close, fdatasync, open, write } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { folder } from '../harness/folder.ts'
import { Latency } from '../harness/latency.ts'
import { measureSolo } from '../harness/solo.ts'
import { Stopwatch } from '../harness/stopwatch.ts'
import type { Measurement, Solo } from '../harness/types.ts'

const [openFile, writeFile, sync, closeFile] = [open, write, fdatasync, close].map((call) =>
  promisify(call as never)
) as [
  (path: string, flags: string) => Promise<number>,
  (fd: number, bytes: Uint8Array) => Promise<number>,
  (fd: number) => Promise<void>,
  (fd: number) => Promise<void>
]

/** Three processes append to files of their own at once. The rate and the times are those of each, on average. */
export const byThree: Solo = async (job) => {
  const all = await Promise.all([1, 2, 3].map(() => measureSolo({ ...job, contender: 'fdatasync' })))
  const mean = (figure: (measurement: Measurement) => number): number =>
    all.reduce((sum, measurement) => sum + figure(measurement), 0) / all.length
  return {
    messages: job.messages,
    seconds: mean(({ seconds }) => seconds),
    p50: mean(({ p50 }) => p50!),
    cpuSeconds: 3 * mean(({ cpuSeconds }) => cpuSeconds),
    peakMiB: 3 * mean(({ peakMiB }) => peakMiB)
  }
}

/** Appends records to a plain file, `inFlight` of them with each fdatasync: what the disk itself allows. */
export const plainFile: Solo = async ({ messages, warmUp, bytes, inFlight }) => {
  const { path, remove } = folder()
  const fd = await openFile(join(path, 'records'), 'a')
  const group = randomBytes(bytes * inFlight)
  const latency = new Latency()
  const run = async (records: number, record: (us: number) => void): Promise<void> => {
    for (let done = 0; done < records; done += inFlight) {
      const at = performance.now()
      await writeFile(fd, group)
      await sync(fd)
      record((performance.now() - at) * 1_000)
    }
  }
  try {
    await run(warmUp, () => {})
    const watch = new Stopwatch()
    await run(messages, latency.record)
    return { messages, seconds: watch.seconds, cpuSeconds: watch.cpuSeconds, peakMiB: 0, ...latency.percentiles() }
  } finally {
    await closeFile(fd)
    remove()
  }
}
