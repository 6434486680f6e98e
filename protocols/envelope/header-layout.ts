/**
 * The binary header: how an envelope travels on a stream. See README.md, "On a stream".
 *
 *     flags(1) slot [set] id [time] [trace] [extra] [stamp] data…
 *
 * Ids and times are written as differences to the message before, so both ends keep the same few numbers and must see
 * every header of the stream, in order.
 */
export const Flag = { define: 0x01, literalId: 0x02, time: 0x04, trace: 0x08, extra: 0x10, stamp: 0x80 } as const
export const FORMAT_SHIFT = 5
export const FORMAT_MASK = 3

export const TRACE_BYTES = 25
/** Bytes of an id that its sender made up. A guess: UUIDs and URLs fit. */
export const MAX_ID_BYTES = 1024
export const MAX_EXTRA_BYTES = 16_384
