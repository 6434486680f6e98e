/** What the replicas of a Raft group say to each other. README.md is the wire specification. */
export const RAFT = '/phoenix/raft/1.0.0'

/** Bytes of a group's id. */
export const MAX_GROUP_BYTES = 255
/** Bytes of a PeerId, as in the overlay. */
export const MAX_PEER_BYTES = 128
/** Members of one part of a configuration: voters, those that are left, learners. A guess: a majority of more is no faster. */
export const MAX_MEMBERS = 64
/** Terms, indices and rounds: what is added to one stays a safe integer. */
export const MAX_NUMBER = 2 ** 52
/** Bytes of one command. A guess: larger data is not for a log that every replica writes twice. */
export const MAX_COMMAND_BYTES = 1_048_576
/** Bytes of a snapshot, which both ends hold in memory. A guess. */
export const MAX_SNAPSHOT_BYTES = 268_435_456
/** Heartbeats, or their replies, in one frame: with the longest ids it fits the least frame that a node may be told to take. */
export const MAX_BEATS = 128

/** Frame kinds; framing keeps those below 0x10 for itself. */
export const Kind = {
  /** The leaders of some groups are there, and ask whether they still are. */
  heartbeats: 0x10,
  heartbeatReplies: 0x11,
  /** Entries of one group's log. Counted. */
  append: 0x12,
  appendReply: 0x13,
  vote: 0x14,
  voteReply: 0x15,
  /** The leader hands over: the receiver stands for election at once. */
  timeoutNow: 0x16,
  /** A part of a snapshot. Counted. */
  snapshot: 0x17,
  snapshotReply: 0x18
} as const

/** The kinds that cost credit. */
export const COUNTED_KINDS: ReadonlySet<number> = new Set([Kind.append, Kind.snapshot])
