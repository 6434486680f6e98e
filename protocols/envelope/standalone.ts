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
  return encodeBehind(EMPTY, 0, message)
}

/** The same behind what its keeper notes of it: the first `length` bytes of `head`. */
export function encodeBehind(head: Uint8Array, length: number, message: Outgoing): Uint8Array {
  const bound = length + encoder.measure(message)
  if (bound > LARGEST) {
    const out = Buffer.allocUnsafeSlow(bound)
    out.set(head.subarray(0, length))
    return out.subarray(0, encoder.write(out, length, message))
  }
  if (used + bound > SLAB) {
    slab = Buffer.allocUnsafeSlow(SLAB)
    used = 0
  }
  const from = used
  for (let i = 0; i < length; i++) slab[from + i] = head[i]!
  const end = encoder.write(slab, from + length, message)
  used = (end + 7) & ~7
  return new Uint8Array(slab.buffer, from, end - from)
}

/** Small ones are cut from one slab, and written there: a buffer and two views for each took as long as all else (measured). */
const SLAB = 32_768
const LARGEST = SLAB >> 2

let slab = Buffer.allocUnsafeSlow(SLAB)
let used = 0

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
