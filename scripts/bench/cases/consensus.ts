import { lackedBy } from '../baselines/broker.ts'
import { measurePair } from '../harness/pair.ts'
import { measureSolo } from '../harness/solo.ts'
import type { Job, Measurement } from '../harness/types.ts'
import { local } from './local.ts'
import { requests } from './requests.ts'
import { type Case, job, p50, rate } from './types.ts'

const IN_FLIGHT = 256
/** ms: a hundred elections, a million entries. */
const LONG = 1_200_000
/** ms of an election timeout at least, by default. */
const ELECTION = 1_000

const file = (contender: string) => job({ contender, pattern: 'store', messages: 2_000 })
const group = (contender: string, pattern: Job['pattern'], messages: number, more: Partial<Job> = {}) =>
  job({ contender, pattern, messages, inFlight: IN_FLIGHT, ...more })

const etcdLacks = lackedBy('etcd')

/** Three voters in processes of their own, from a client outside until it is on a majority's disks, applied and answered. */
const throughput: Case = {
  name: 'consensus',
  unit: 'proposals/s',
  measure: measureSolo,
  value: rate,
  ours: group('ours', 'consensus', 200_000),
  against: [{ job: file('fdatasync-by-three'), atLeast: 5 }]
}

/** What a lone proposal may take: three fdatasyncs and two round trips, as libp2p used plainly makes them. */
const bound = (disks: string): Job => ({ ...file(`bound-${disks}`), pattern: 'consensus-lone' })
const echo = job({ contender: 'plain', pattern: 'requests', messages: 2_000 })

async function measureLone(it: Job): Promise<Measurement> {
  if (!it.contender.startsWith('bound-')) return measureSolo(it)
  const sync = await measureSolo({ ...it, contender: it.contender.slice('bound-'.length), pattern: 'store' })
  const trip = await measurePair({ ...echo, messages: it.messages, warmUp: it.warmUp })
  return { ...sync, p50: 3 * p50(sync) + 2 * p50(trip) }
}

/** A proposal has three disks sync at once; what the bound would be were there one is told beside it. */
const lone: Case = {
  name: 'consensus-lone',
  unit: 'µs p50',
  measure: measureLone,
  value: p50,
  ours: group('ours', 'consensus-lone', 2_000, { inFlight: 1 }),
  against: [
    { name: '3-fdatasync-by-three-2-trips', job: bound('fdatasync-by-three'), atMost: 1 },
    { name: '3-fdatasync-2-trips', job: bound('fdatasync') }
  ]
}

const READS = 300_000

/** Each confirmed by a quorum before it is answered, by a client outside. */
const reads: Case = {
  name: 'consensus-reads',
  unit: 'reads/s',
  measure: (it) => (it.pattern === 'requests' ? measurePair(it) : measureSolo(it)),
  value: rate,
  ours: group('ours', 'consensus-reads', READS),
  // As long a run, since both grow faster as they are compiled.
  against: [{ name: 'requests', job: { ...requests.ours, messages: READS, warmUp: READS / 5 }, atLeast: 0.8 }]
}

/** From a learner's own replica. */
const eventual: Case = {
  name: 'consensus-eventual',
  unit: 'reads/s',
  measure: measureSolo,
  value: rate,
  ours: group('ours', 'consensus-eventual', 200_000),
  against: [{ name: 'local', job: local.ours, atLeast: 0.5 }]
}

/** The leader's process is killed so many times, while two writers write. */
const failover: Case = {
  name: 'consensus-failover',
  unit: 'ms p90',
  measure: (it) => measureSolo(it, LONG),
  value: ({ extra }) => extra!['p90 ms']!,
  ours: group('ours', 'consensus-failover', 100, { inFlight: 2, warmUp: 256 }),
  against: [
    { name: '1500-ms', limit: 1_500, atMost: 1 },
    { name: 'election-timeouts', limit: ELECTION, atMost: 3 }
  ]
}

const compaction: Case = {
  name: 'consensus-compaction',
  unit: 's',
  measure: (it) => measureSolo(it, LONG),
  value: ({ seconds }) => seconds,
  ours: group('ours', 'consensus-compaction', 1_000_000),
  against: [{ name: 'restart', limit: 2, atMost: 1 }]
}

/** How it goes with more voters, and with more groups on the same three. */
const scaling = (more: Partial<Job>, name: string): Case => ({
  ...throughput,
  name: `consensus-${name}`,
  ours: group('ours', 'consensus', 100_000, more),
  against: [{ name: 'alone', job: group('ours', 'consensus', 100_000) }]
})

/** Against three of etcd: the same payloads in flight from one client, over gRPC. */
const etcd = (it: Case, messages: number, aim: { atLeast: number } | { atMost: number }): Case => ({
  ...it,
  name: `${it.name}-etcd`,
  lacks: etcdLacks,
  against: [{ job: { ...it.ours, contender: 'etcd', messages, warmUp: messages / 5 }, ...aim }]
})

export const consensus: readonly Case[] = [
  throughput,
  lone,
  reads,
  eventual,
  failover,
  compaction,
  ...[5, 7].map((voters) => scaling({ voters }, `voters-${voters}`)),
  ...[8, 64].map((size) => scaling({ size }, `groups-${size}`)),
  etcd(throughput, 30_000, { atLeast: 5 }),
  etcd(lone, 1_000, { atMost: 1 }),
  etcd(reads, 30_000, { atLeast: 10 })
]
