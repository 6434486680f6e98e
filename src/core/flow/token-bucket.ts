/**
 * The token bucket, with the fields of the specification. A bucket begins with `capacity` tokens and gets `refillRate` a
 * second for as long as it holds fewer than `capacity + burst`: `capacity` is what a caller may count on, `burst` what a
 * bucket that is left alone collects beyond it. In any `w` seconds at most `capacity + burst + refillRate · w` are taken.
 */
export interface RateDefinition {
  readonly capacity: number
  /** Tokens a second. */
  readonly refillRate: number
  readonly burst: number
}

/** Tokens that rounding may have lost: a bucket that must be full is. */
const ROUNDING = 1e-6

/**
 * One level. Time comes as *inflow*, the tokens that any bucket of the definition was given since the definition's own
 * beginning, so that thousands of them are refilled by one addition and none of them needs a timer.
 */
export class TokenBucket {
  #level: number
  #inflow: number

  constructor(level: number, inflow: number) {
    this.#level = level
    this.#inflow = inflow
  }

  /** `most`: what it may hold. */
  level(inflow: number, most: number): number {
    this.#level = Math.min(most, this.#level + inflow - this.#inflow)
    this.#inflow = inflow
    return this.#level
  }

  take(tokens: number, inflow: number, most: number): boolean {
    const level = this.level(inflow, most)
    if (level + ROUNDING < tokens) return false
    this.#level = Math.max(0, level - tokens)
    return true
  }

  pour(tokens: number, inflow: number, most: number): void {
    this.#level = this.level(inflow, most) + tokens
  }
}
