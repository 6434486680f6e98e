import type { AttributeSet } from './attributes.ts'
import { HeaderDecoder } from './header-decoder.ts'
import { HeaderEncoder } from './header-encoder.ts'
import type { Outgoing } from './outgoing.ts'
import type { WireMessage } from './wire-message.ts'

/**
 * A message whose header refers to nothing before it: the binary header with its attribute set spelled out, for bytes
 * that are sent to many, relayed or kept. The receiver remembers the sets it has read, so that each is parsed once.
 */
export function encodeStandalone(message: Outgoing): Uint8Array {
  return encodeBehind(EMPTY, message)
}

/** The same behind what its keeper notes of it. */
export function encodeBehind(head: Uint8Array, message: Outgoing): Uint8Array {
  const out = Buffer.allocUnsafe(head.length + encoder.measure(message))
  out.set(head)
  return out.subarray(0, encoder.write(out, head.length, message))
}

const EMPTY = new Uint8Array(0)
const encoder = new HeaderEncoder(true)

/** Sets remembered. A guess: far more than the conversations of one mesh that a node listens to. */
const KEPT = 1024

export class StandaloneDecoder {
  readonly #sets = new Map<string, AttributeSet>()

  /** Throws `ERR_MALFORMED`. */
  decode(bytes: Uint8Array): WireMessage {
    return new HeaderDecoder(this.#sets, KEPT).read(bytes)
  }
}
