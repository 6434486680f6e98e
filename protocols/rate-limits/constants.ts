/** Shared rate limits; the lane is always `control`. */
export const RATE_LIMITS = '/phoenix/rate-limits/1.0.0'

/** Begins the key of the entry by which a node announces, in the membership view, that it takes part in a limit. */
export const ENTRY_PREFIX = 'rate/'

/** Bytes of a limit's id: with the prefix it fits a key of the view (512). */
export const MAX_ID_BYTES = 255
/** Bytes of a key within a limit: names of agents and topics fit, and PeerIds. */
export const MAX_KEY_BYTES = 768
/** Requests whose needs one ask tells of: what waits behind them is asked for next time. A guess. */
export const MAX_NEEDS = 64
/** Tokens in one number of a frame, and of a definition. */
export const MAX_TOKENS = 2 ** 40
/** Bytes of a frame: an id, a key and the needs, with room to spare. */
export const MAX_FRAME_BYTES = 4_096

/** ms that a pledge and a lease are good for, from when whoever profits by it asked for it. A guess: four tries. */
export const TERM = 2_000
/** ms that whoever pledged keeps to it, from when it was given: longer than the term, so that clocks may differ by a tenth. */
export const PROMISE = 2_200
/** ms between calls for pledges, and until what was not answered is asked again. */
export const RETRY = 500

/** Frame kinds; framing keeps those below 0x10 for itself. None is counted. */
export const Kind = {
  /** The owner of a limit asks for a part of it. */
  call: 0x10,
  /** The answer: the part is the owner's for a term. */
  pledge: 0x11,
  /** Asks the owner for tokens. */
  ask: 0x12,
  /** The answer: tokens, to be spent within a term. */
  grant: 0x13
} as const
