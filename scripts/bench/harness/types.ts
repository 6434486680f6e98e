import type { Priority } from '../../../src/index.ts'
import type { Tally } from './tally.ts'

/** The forms in which messages are exchanged: some between two processes, the others within one. */
export type Pattern =
  | 'one-way'
  | 'acknowledged'
  | 'requests'
  | 'control'
  | 'publish'
  | 'lone-publish'
  | 'local'
  | 'resolve'
  | 'match'
  | 'causal'
  | 'durable'
  | 'lone-durable'
  | 'exactly-once'
  | 'store'
  | 'recovery'
  | 'spill'
  | 'spill-topic'
  | 'lone'
  | 'consensus'
  | 'consensus-lone'
  | 'consensus-reads'
  | 'consensus-eventual'
  | 'consensus-failover'
  | 'consensus-compaction'

/** One measurement, as it is handed to the processes that make it. */
export interface Job {
  /** Who carries the messages: a baseline's name, `ours`, or what says how ours is set. */
  contender: string
  pattern: Pattern
  /** Messages sent before the clock starts, so that every contender is compiled and connected. */
  warmUp: number
  /** Messages counted. */
  messages: number
  /** Payload of each, in bytes. */
  bytes: number
  /** Requests or unacknowledged messages outstanding at once; records of one fdatasync. */
  inFlight: number
  /** Nodes, agents or subscriptions, in the patterns that have many; of consensus, groups. */
  size: number
  /** Of each group, in the patterns of consensus. Default 3. */
  voters?: number
  /** Of the messages, where the contender has any. Default: what their type implies. */
  priority?: Priority
}

/** The end of a contender that reads: counts what arrives in `tally`. */
export interface Receiver {
  /** What the sending end needs to reach it; any text. */
  address: string
  /** Other processes that it needs, by id: what they take counts as its own. */
  processes?: readonly number[]
  /** Called before each run of so many messages, where there is something to prepare. */
  expect?(messages: number): Promise<void>
  /** Called once all of them have been sent, where it has figures of its own to tell, by name. */
  sent?(): Promise<Record<string, number>>
  close(): Promise<void>
}

/** The end that writes. */
export interface Sender {
  /** Resolves when `messages` were sent, or answered where the pattern asks for answers. `latency` takes µs. */
  run(messages: number, latency: (us: number) => void): Promise<void>
  close(): Promise<void>
}

/** One way of carrying messages between two processes. */
export interface Contender {
  receive(job: Job, tally: Tally): Promise<Receiver>
  connect(job: Job, address: string, tally: Tally): Promise<Sender>
}

/** One way of doing everything within one process, which is added to the `peakMiB` that it tells: of others it needed, or 0. */
export type Solo = (job: Job) => Promise<Measurement>

/** What one run of one contender gave. */
export interface Measurement {
  messages: number
  seconds: number
  /** µs, where the pattern has an answer to wait for. */
  p50?: number
  p99?: number
  /** User and system time of every process that took part, in seconds, within the measured part. */
  cpuSeconds: number
  /** Largest resident set of every process that took part, summed, in MiB. */
  peakMiB: number
  /** Figures beside these, by their names and units. */
  extra?: Record<string, number>
}
