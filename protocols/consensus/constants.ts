/** Clients and replicas of a group that agrees. Lane `bulk` for what follows the log, `normal` for all else. */
export const CONSENSUS = '/phoenix/consensus/1.0.0'

/** Bytes of the name of a part of a group's state. */
export const MAX_PART_BYTES = 64
/** Bytes of an error's text: what a machine threw is told in full, but for novels. */
export const MAX_MESSAGE_BYTES = 4_096
/** Calls or answers in one frame: as many as a session may have under way. */
export const MAX_BATCH = 1_024
/** Bytes of calls or answers after which their frame leaves; one call may be larger alone, one answer goes in parts. Every link takes it. */
export const FRAME_BYTES = 49_152
/** Bytes of entries in one answer to `follow`, but for the last of them. A guess: some frames' worth. */
export const FOLLOW_BYTES = 262_144
/** ms after which a call that waits for a change is answered though there was none, so that a silent peer is found out. A guess. */
export const POLL = 10_000
/** Calls of one peer that wait for their answers: eight sessions' worth. More are refused with `ERR_QUEUE_FULL`. */
export const MAX_WAITING = 8_192

/** Frame kinds; framing keeps those below 0x10 for itself. Calls and answers cost credit. */
export const Kind = {
  /** What a client asks of a replica: any number of calls. */
  call: 0x10,
  /** Answers to any number of calls, in any order. */
  answer: 0x11,
  /** The answers to some calls are not waited for any longer. */
  cancel: 0x12
} as const

/** What is asked. */
export const Op = {
  propose: 0,
  index: 1,
  read: 2,
  await: 3,
  follow: 4,
  change: 5,
  transfer: 6,
  snapshot: 7
} as const
