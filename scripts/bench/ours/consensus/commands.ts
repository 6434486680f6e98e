/** What a client outside writes and reads. */
import { setTimeout as delay } from 'node:timers/promises'
import type { KeyValueGroup } from '../../../../src/index.ts'
import { Latency } from '../../harness/latency.ts'
import { Stopwatch } from '../../harness/stopwatch.ts'
import type { Job, Measurement, Solo } from '../../harness/types.ts'
import { payloads } from '../../payload.ts'
import { Gate } from '../gate.ts'
import { Cluster } from './cluster.ts'

/** Keys that are written in turn. */
const KEYS = 1_024
/** ms; no measurement has a leader die but the one that is about it. */
const WAIT = { timeout: 60_000 }

export const keyOf = (number: number): string => `key-${number % KEYS}`

/** Writes to groups in turn, and knows what has to be there at the end. */
export class Writing {
  readonly #groups: readonly KeyValueGroup[]
  readonly #payload: () => Uint8Array
  /** By group and key. */
  readonly #last = new Map<string, { index: number; data: Uint8Array }>()
  #number = 0

  constructor(groups: readonly KeyValueGroup[], bytes: number) {
    this.#groups = groups
    this.#payload = payloads(bytes)
  }

  async run(messages: number, inFlight: number, latency: (us: number) => void): Promise<void> {
    const gate = new Gate(inFlight)
    for (let i = 0; i < messages; i++) {
      const at = performance.now()
      gate.pass(this.one(), () => latency((performance.now() - at) * 1_000))
      if (gate.full) await gate.room()
    }
    await gate.empty()
  }

  async one(): Promise<void> {
    const number = this.#number++
    const at = number % this.#groups.length
    const key = keyOf(number)
    const data = this.#payload()
    const { index } = await this.#groups[at]!.propose(key, data, WAIT)
    const name = `${at} ${key}`
    const known = this.#last.get(name)
    if (known === undefined || known.index < index) this.#last.set(name, { index, data })
    else if (known.index === index) throw new Error(`two writes stand at ${index}`)
  }

  /** Reads all of it back. */
  async check(): Promise<void> {
    for (const [name, { data }] of this.#last) {
      const [at, key] = name.split(' ') as [string, string]
      const found = await this.#groups[Number(at)]!.read(key, WAIT)
      if (!(found instanceof Uint8Array) || Buffer.compare(found, data) !== 0) throw new Error(`${name} was lost`)
    }
  }
}

/** Timed until what was proposed is on a majority's disks, applied and answered. */
export const writes: Solo = async (job) => {
  const cluster = await Cluster.start(job)
  const writing = new Writing(cluster.groups, job.bytes)
  await writing.run(job.warmUp, job.inFlight, () => {})
  const measured = await timed(cluster, job, (latency) => writing.run(job.messages, job.inFlight, latency))
  await writing.check()
  await cluster.stop()
  return measured
}

/** Linearizable reads by a client that is no member. */
export const reads: Solo = async (job) => {
  const cluster = await Cluster.start(job)
  await new Writing(cluster.groups, job.bytes).run(KEYS, 256, () => {})
  await read(cluster.groups[0]!, job.warmUp, job, () => {})
  const measured = await timed(cluster, job, (latency) => read(cluster.groups[0]!, job.messages, job, latency))
  await cluster.stop()
  return measured
}

async function read(
  group: KeyValueGroup,
  count: number,
  { inFlight, bytes }: Job,
  latency: (us: number) => void
): Promise<void> {
  const gate = new Gate(inFlight)
  for (let i = 0; i < count; i++) {
    const at = performance.now()
    gate.pass(group.read(keyOf(i), WAIT), (value) => {
      latency((performance.now() - at) * 1_000)
      checkRead(value, bytes)
    })
    if (gate.full) await gate.room()
  }
  await gate.empty()
}

/** Reads of the client's own replica: it learns. */
export const eventualReads: Solo = async (job) => {
  const cluster = await Cluster.start(job, true)
  const group = cluster.groups[0]!
  await new Writing(cluster.groups, job.bytes).run(KEYS, 256, () => {})
  while ((await group.read(keyOf(KEYS - 1), { consistency: 'eventual' })) === undefined) await delay(1)
  const run = async (count: number): Promise<void> => {
    const gate = new Gate(job.inFlight)
    for (let i = 0; i < count; i++) {
      gate.pass(group.read(keyOf(i), { consistency: 'eventual' }), (value) => checkRead(value, job.bytes))
      if (gate.full) await gate.room()
    }
    await gate.empty()
  }
  await run(job.warmUp)
  const measured = await timed(cluster, job, () => run(job.messages))
  await cluster.stop()
  return measured
}

function checkRead(value: unknown, bytes: number): void {
  if (!(value instanceof Uint8Array) || value.length !== bytes) throw new Error(`${value} was read`)
}

async function timed(
  cluster: Cluster,
  job: Job,
  run: (latency: (us: number) => void) => Promise<void>
): Promise<Measurement> {
  const latency = new Latency()
  const watch = new Stopwatch(cluster.pids)
  await run(latency.record)
  const { seconds, cpuSeconds } = watch
  return { messages: job.messages, seconds, cpuSeconds, peakMiB: cluster.peakMiB, ...latency.percentiles() }
}
