/** The protocol's id; a lane's name follows on the wire. */
export const PROTOCOL = '/phoenix/request-response/1.0.0'

export const Kind = {
  /** Client to server. Counted. Body: call, ms left (0: no deadline), flags, header, data. */
  request: 0x10,
  /** Server to client, ends the call. Counted. Body: call, header, data. */
  reply: 0x11,
  /** Server to client, ends the call. Body: MessagePack [call, name, code, message, retryable, thrown]. */
  fail: 0x12,
  /** One element of a stream: of the replies (server) or of the request's data (client). Counted. Body: call, header, data. */
  part: 0x13,
  /** The stream of parts is complete. Body: call. */
  end: 0x14,
  /** Client to server: nobody waits any longer. Body: call. */
  cancel: 0x15,
  /** Either way: this many more parts, and bytes of them, may be sent. Body: call, parts, bytes. */
  more: 0x16
} as const

/** Flags of a request. */
export const RequestFlag = {
  /** The client takes a stream of parts and an end instead of one reply. */
  stream: 0x01,
  /** The request's data is a stream that follows as parts. */
  streamed: 0x02
} as const

/** What either end may send of one stream of parts before the first `more`: a slow reader costs this much and no more. */
export const PART_WINDOW = { parts: 64, bytes: 1 << 20 } as const

/** Calls that one peer may have open over one stream. A guess, far above what a bounded client opens. */
export const MAX_CALLS = 65_536
