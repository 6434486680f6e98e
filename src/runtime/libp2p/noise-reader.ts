import { Uint8ArrayList } from 'uint8arraylist'
import { release } from '../release.ts'

type Bytes = Uint8Array | Uint8ArrayList

const PREFIX_BYTES = 2

/**
 * Cuts what arrives into Noise messages: a length of two bytes, big-endian, then as many bytes. In place of
 * `@libp2p/utils`' decoder, which ends each chunk by throwing a RangeError, stack trace and all: 8 µs a read (measured).
 * Invariant: fewer than `#wanted` bytes are held, which is a prefix or a message with its prefix.
 */
export class NoiseReader {
  #pieces: Uint8Array[] = []
  /** The chunks that `#pieces` are parts of. */
  #chunks: Uint8Array[] = []
  #held = 0
  #wanted = PREFIX_BYTES

  /** The messages that are whole now, as they came: nothing is copied, and all is gone when the last was taken. */
  decode(chunk: Bytes): Iterable<Bytes> {
    const messages: Bytes[] = []
    const spent: Uint8Array[] = []
    if (chunk instanceof Uint8Array) this.#take(chunk, messages, spent)
    else for (const piece of chunk) this.#take(piece, messages, spent)
    return handOut(messages, spent)
  }

  #take(piece: Uint8Array, messages: Bytes[], spent: Uint8Array[]): void {
    let at = 0
    while (this.#held > 0 && at < piece.length) {
      const end = Math.min(piece.length, at + this.#wanted - this.#held)
      this.#hold(piece.subarray(at, end))
      at = end
      if (this.#held === this.#wanted) this.#complete(messages, spent)
    }
    while (at + PREFIX_BYTES <= piece.length) {
      const end = at + PREFIX_BYTES + lengthAt(piece, at)
      if (end > piece.length) {
        this.#wanted = end - at
        break
      }
      if (end > at + PREFIX_BYTES) messages.push(piece.subarray(at + PREFIX_BYTES, end))
      at = end
    }
    if (at < piece.length) this.#hold(piece.subarray(at))
    if (this.#held > 0) this.#chunks.push(piece)
    else spent.push(piece)
  }

  #hold(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#held += piece.length
  }

  #complete(messages: Bytes[], spent: Uint8Array[]): void {
    const whole = new Uint8ArrayList(...this.#pieces)
    const wanted = PREFIX_BYTES + ((whole.get(0) << 8) | whole.get(1))
    if (this.#wanted < wanted) {
      this.#wanted = wanted
      return
    }
    spent.push(...this.#chunks.splice(0))
    this.#pieces = []
    this.#held = 0
    this.#wanted = PREFIX_BYTES
    if (wanted > PREFIX_BYTES) messages.push(whole.sublist(PREFIX_BYTES))
  }
}

function* handOut(messages: readonly Bytes[], spent: readonly Uint8Array[]): Generator<Bytes, void> {
  yield* messages
  spent.forEach(release)
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
