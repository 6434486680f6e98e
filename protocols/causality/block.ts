/**
 * A stamp on a stream. See README.md, "Block".
 *
 *     head [epoch] [number previous] change…
 *
 * Both ends keep a table of dependencies, so that a message tells only what is new since the one before it on the same
 * stream: whoever follows it in the order follows what that one told as well. The next message of a conversation between
 * two hosts, in which nobody else is, costs one byte; one of a host that sends to many in turn costs three, however many
 * they are, since what it tells is what the last one told with all numbers raised alike.
 */
export const Head = { epoch: 0x01, numbers: 0x02, repeat: 0x04 } as const
/** Changes are counted above three flags. */
export const HEAD_SHIFT = 8
