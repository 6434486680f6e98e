import { deepStrictEqual } from 'node:assert/strict'
import type { Calls, Finished, Ran } from './calls.ts'
import { Forked } from './process.ts'
import type { Job, Measurement } from './types.ts'

const CHILD = new URL('./child.ts', import.meta.url)

/** Runs one job between two fresh processes and checks that what arrived is what was sent. */
export async function measurePair(job: Job): Promise<Measurement> {
  const receiver = new Forked<Calls>(CHILD)
  const sender = new Forked<Calls>(CHILD)
  try {
    await Promise.all([receiver.calls.load(job), sender.calls.load(job)])
    const address = await receiver.calls.listen(job)
    await sender.calls.connect(job, address)
    await phase(job.warmUp, receiver.calls, sender.calls)
    const { ran, finished } = await phase(job.messages, receiver.calls, sender.calls)
    const seconds = (at: bigint) => Number(at - ran.from) / 1e9
    const peaks = [await sender.calls.close(), await receiver.calls.close()]
    return {
      messages: job.messages,
      seconds: Math.max(seconds(ran.at), seconds(finished.at)),
      ...(ran.p50 === undefined || ran.p99 === undefined ? {} : { p50: ran.p50, p99: ran.p99 }),
      cpuSeconds: ran.cpuSeconds + finished.cpuSeconds,
      peakMiB: peaks[0]! + peaks[1]!,
      ...(finished.extra === undefined ? {} : { extra: finished.extra })
    }
  } finally {
    receiver.end()
    sender.end()
  }
}

async function phase(messages: number, receiver: Calls, sender: Calls): Promise<{ ran: Ran; finished: Finished }> {
  await receiver.expect(messages)
  const ran = await sender.run(messages)
  const finished = await receiver.finished()
  deepStrictEqual(finished.account, ran.account, 'what was received is not what was sent')
  return { ran, finished }
}
