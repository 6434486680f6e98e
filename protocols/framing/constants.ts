/**
 * Limits of framing, the same for every protocol that runs over links. README.md is the wire specification.
 */

/** The priority lanes; one stream each, so that a bulk transfer never holds up a control message. */
export type Lane = 'control' | 'normal' | 'bulk'
export const LANES: readonly Lane[] = ['control', 'normal', 'bulk']

/** Raised when the meaning of a frame changes. */
export const FRAMING_VERSION = 1

/** Frame kinds below this belong to framing itself; a protocol's own are 0x10 to 0x7f. */
export const FIRST_PROTOCOL_KIND = 0x10
/** Set in the kind of a frame that costs credit. */
export const COUNTED = 0x80
export const Kind = { hello: 0x00, credit: 0x01 } as const

/**
 * Bytes at which a batch leaves without waiting: what one Noise message holds (65,535 less its tag) beside a Yamux header
 * of 12. One byte more would cost a second message, and two more system calls.
 */
export const BATCH_BYTES = 65_507
/** Counted frames in one batch, so that a receiver can bound by how much a sender may overshoot its credit. */
export const BATCH_FRAMES = 1024

/** What a sender may send before the peer's hello has said more: a guess that fits a first burst of small messages. */
export const INITIAL_CREDIT = { frames: 1024, bytes: 262_144 } as const

/** Bytes of a hello or credit frame. */
export const MAX_FRAMING_BODY = 4096
