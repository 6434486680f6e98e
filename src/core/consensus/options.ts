export interface RaftOptions {
  /** Least ticks without a leader after which a follower stands for election; each time drawn from [T, 2T). Default 10, as etcd has it. */
  electionTicks: number
  /** Ticks between heartbeats. Default 1. */
  heartbeatTicks: number
  /** Bytes of the entries in one append, and in one batch to apply; a larger entry goes alone. Default 256 KiB: a guess. */
  maxAppendBytes: number
  /** Appends under way to a follower, at most. Default 256, as in etcd's example. */
  maxInflight: number
  /** Bytes under way to a follower; the append that reaches them is the last. Default 4 MiB: a guess. */
  maxInflightBytes: number
  /** Bytes of a snapshot's part. Default 256 KiB: a guess. */
  chunkBytes: number
  /**
   * ms for which a leader whose heartbeats a quorum has answered serves reads without asking again, from when those left
   * (thesis 6.4.1). Must be less than `electionTicks` − 1 ticks last on the fastest clock of the group, and be set on
   * all of its nodes. Default undefined: every read is confirmed, and no clock is trusted.
   */
  lease: number | undefined
}

const DEFAULTS: RaftOptions = {
  electionTicks: 10,
  heartbeatTicks: 1,
  maxAppendBytes: 256 * 1024,
  maxInflight: 256,
  maxInflightBytes: 4 * 1024 * 1024,
  chunkBytes: 256 * 1024,
  lease: undefined
}

export function withDefaults(options: Partial<RaftOptions>): RaftOptions {
  const all = { ...DEFAULTS, ...options }
  if (all.heartbeatTicks >= all.electionTicks) throw new RangeError('a follower must outwait a heartbeat')
  return all
}
