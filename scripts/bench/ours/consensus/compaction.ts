/** A long log, and a restart behind it. */
import { Stopwatch } from '../../harness/stopwatch.ts'
import type { Solo } from '../../harness/types.ts'
import { Cluster, type Voter } from './cluster.ts'
import { keyOf, Writing } from './commands.ts'
import type { VoterMemory } from './voter.ts'

/** Where memory is looked at, as parts of all entries. */
const LOOKS = [
  ['a tenth', 0.1],
  ['half', 0.5],
  ['all', 1]
] as const

/** Seconds of a restart, from when a new process has its program until the replica, restored from its snapshot and log, is read. */
export const compaction: Solo = async (job) => {
  const cluster = await Cluster.start(job)
  const writing = new Writing(cluster.groups, job.bytes)
  const writes = new Stopwatch(cluster.pids)
  const extra: Record<string, number> = {}
  let done = 0
  for (const [name, part] of LOOKS) {
    await writing.run(Math.ceil(job.messages * part) - done, job.inFlight, () => {})
    done = Math.ceil(job.messages * part)
    const { live, resident } = await memoryOf(cluster.voters)
    extra[`MiB live after ${name}`] = live
    extra[`MiB resident after ${name}`] = resident
  }
  const { seconds: writingSeconds, cpuSeconds } = writes
  // The log goes on behind the last snapshot.
  await writing.run(job.warmUp, job.inFlight, () => {})
  const leader = await cluster.settled()
  const follower = cluster.voters.find((voter) => voter !== leader)!
  const { applied } = await leader.calls.state(cluster.names[0]!)
  await follower.kill()
  const birth = new Stopwatch()
  await follower.revive()
  const restart = new Stopwatch()
  await follower.start([leader.address])
  await follower.calls.open(
    [...cluster.names],
    cluster.voters.map(({ peer }) => peer)
  )
  while ((await follower.calls.read(cluster.names[0]!, keyOf(0))) === undefined);
  const { seconds } = restart
  extra['s with the start of the process'] = birth.seconds
  if (!(await follower.calls.isCompacted(cluster.names[0]!))) throw new Error(`a log of ${applied} is not compacted`)
  await cluster.settled()
  await writing.check()
  const { peakMiB } = cluster
  await cluster.stop()
  return {
    messages: job.messages,
    seconds,
    cpuSeconds,
    peakMiB,
    extra: { ...extra, 'writes/s': done / writingSeconds }
  }
}

/** Of all voters, on average. */
async function memoryOf(voters: readonly Voter[]): Promise<VoterMemory> {
  const sum = { live: 0, resident: 0 }
  for (const { calls } of voters) {
    const { live, resident } = await calls.memory()
    sum.live += live / voters.length
    sum.resident += resident / voters.length
  }
  return sum
}
