import type { Random } from '../machine.ts'

/**
 * Small integers at random, without the number box that a call through `Random` allocates each time: xorshift32
 * (Marsaglia, "Xorshift RNGs", 2003), seeded once from it. Good for choosing members, for nothing secret.
 */
export class Draws {
  #state: number

  constructor(random: Random) {
    this.#state = (random() * 0x7fffffff) | 1
  }

  /** Uniform in [0, bound) for small bounds; 0 for a bound of 0. */
  below(bound: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (((state >>> 8) * bound) / 0x1000000) | 0
  }
}
