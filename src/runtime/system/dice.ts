import { randomBytes, randomFillSync } from 'node:crypto'
import type { Dice } from '../ports.ts'

/** Draws are taken from a block of this many 32-bit words: one call into the generator for each would cost 1 µs. */
const BLOCK = 1024

const block = new Uint32Array(BLOCK)
let used = BLOCK

/** The system's cryptographic generator. */
export const systemDice: Dice = {
  random() {
    if (used === BLOCK) {
      randomFillSync(block)
      used = 0
    }
    return block[used++]! / 2 ** 32
  },
  bytes: (length) => new Uint8Array(randomBytes(length))
}
