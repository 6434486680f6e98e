import { DEFAULT_STREAM_LIMITS } from '../../core/pubsub/stream.ts'
import type { PubSubLimits, PubSubStats } from './types.ts'

export const DEFAULT_LIMITS: PubSubLimits = {
  directFanout: 32,
  calm: 0.75,
  messageBytes: 16 * 2 ** 20 - 4_096,
  waitingBytes: 8 * 2 ** 20,
  windowBytes: 2 ** 20,
  acknowledgement: 1_000,
  grace: 100,
  stall: 5_000,
  settle: 3_000,
  tail: 250,
  history: { packets: 1_024, bytes: 8 * 2 ** 20 },
  retention: 60_000,
  topics: 4_096,
  subscriptions: 10_000,
  publishers: 1_024,
  patternsPerPeer: 10_000,
  unverifiedBytes: 8 * 2 ** 20,
  stream: DEFAULT_STREAM_LIMITS,
  log: {
    recent: { messages: 16_384, bytes: 8 * 2 ** 20 },
    retention: { messages: 10_000_000, bytes: 64 * 2 ** 20, age: 7 * 24 * 3_600_000 },
    unwritten: 8 * 2 ** 20,
    group: 262_144,
    linger: 100,
    poll: 5_000,
    replica: { messages: 1_024, bytes: 2 ** 20 },
    readers: 10_000,
    cursor: 100
  }
}

export function emptyStats(): PubSubStats {
  return {
    published: 0,
    delivered: 0,
    duplicates: 0,
    refused: { forged: 0, stale: 0, malformed: 0, unverified: 0, 'too-many-patterns': 0 },
    lost: 0,
    repaired: 0,
    fences: 0,
    undelivered: 0,
    batches: { direct: 0, gossip: 0 },
    bytes: { direct: 0, gossip: 0 }
  }
}
