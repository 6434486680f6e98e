/** The protocol's id; a lane's name follows on the wire. */
export const PROTOCOL = '/phoenix/point-to-point/1.0.0'

export const Kind = {
  /** A message that nobody acknowledges. Counted. Body: header and data. */
  message: 0x10,
  /** A message to be acknowledged, numbered by its place among these on its stream. Counted. Body: attempt, header, data. */
  tracked: 0x11,
  /** Receiver to sender: ranges of numbers whose handler returned. */
  ack: 0x12,
  /** Receiver to sender: one number that was not processed, and why. */
  nak: 0x13,
  /** Receiver to sender: everything up to a number is received and waits for its turn. */
  hold: 0x14,
  /** Receiver to sender: a flow's queue is above its high watermark; and again below its low one. */
  pause: 0x15,
  resume: 0x16,
  /**
   * A message to be acknowledged and recognised when it comes twice. Counted, and numbered on its stream like `tracked`.
   * Body: attempt, its place in its sender's numbering (epoch, number, number - floor), header, data.
   */
  numbered: 0x17,
  /** Receiver to sender: ranges of numbers on this stream whose messages were handled before. */
  again: 0x18
} as const

/** Ranges in one acknowledgement: a receiver with more sends a second frame. */
export const MAX_RANGES = 4096
/** Bytes of an error's texts as they cross. */
export const MAX_ERROR_TEXT = 2048
/** Bytes of an agent's name. */
export const MAX_NAME_BYTES = 255
/** Bytes of a flow: an agent's name, a zero byte and a type. What is longer is never paused. A guess: types take tens of bytes. */
export const MAX_FLOW_BYTES = 1024
