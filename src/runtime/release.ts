/** Bytes from which giving memory back by hand is worth a call. A guess, two pages. */
const LEAST = 8_192
/** Bytes of a Yamux header: what lies before the data of a frame in the memory that a Noise message was opened into. */
const HEADER_BYTES = 12

/**
 * Gives the memory of bytes back now, not at the next collection; they are empty afterwards. Whoever calls it is the
 * last who holds them. A part of a larger buffer is left alone, unless only a header that was read stands before it.
 *
 * A bulk transfer makes several times its size in buffers outside the heap, and every 10 to 60 MiB of them cost a full
 * collection: a fifth of the time, and pauses of 5 to 15 ms (measured).
 */
export function release({ buffer, byteOffset, byteLength }: Uint8Array): void {
  if (byteLength < LEAST || byteOffset > HEADER_BYTES || byteOffset + byteLength < buffer.byteLength) return
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
