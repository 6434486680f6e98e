import { listOf, malformed, wholeOf } from './malformed.ts'
import { type Kept, keptFromData, keptToData } from './outcome.ts'
import type { Used } from './recency.ts'

/** Numbers from the oldest that is waited for up to the last that may be used. */
export const SESSION_WINDOW = 1_024

const LEAST = 4

/**
 * What one client had done (thesis 6.3): outcomes by the number of their command, in a ring that holds the window.
 * A number below `oldest` was settled: its client knows the outcome and nobody else may have it done again.
 */
export class Session implements Used<Session> {
  /** Index of the entry that opened it. */
  readonly number: number
  readonly nonce: string
  used = 0
  older: Session | undefined
  newer: Session | undefined
  #oldest = 1
  /** A power of two long. Of the numbers from `oldest` on, and of no other. */
  #outcomes: (Kept | undefined)[] = new Array(LEAST).fill(undefined)

  constructor(number: number, nonce: string) {
    this.number = number
    this.nonce = nonce
  }

  get oldest(): number {
    return this.#oldest
  }

  /** Nobody waits any more for what is below. */
  forgetBelow(oldest: number): void {
    const outcomes = this.#outcomes
    const mask = outcomes.length - 1
    if (oldest - this.#oldest > mask) outcomes.fill(undefined)
    else for (let number = this.#oldest; number < oldest; number++) outcomes[number & mask] = undefined
    if (oldest > this.#oldest) this.#oldest = oldest
  }

  /** The number must be in the window. */
  outcome(number: number): Kept | undefined {
    const outcomes = this.#outcomes
    return number - this.#oldest < outcomes.length ? outcomes[number & (outcomes.length - 1)] : undefined
  }

  /** The number must be in the window. */
  keep(number: number, outcome: Kept): void {
    while (number - this.#oldest >= this.#outcomes.length) this.#grow()
    this.#outcomes[number & (this.#outcomes.length - 1)] = outcome
  }

  #grow(): void {
    const before = this.#outcomes
    const after = new Array<Kept | undefined>(before.length * 2).fill(undefined)
    for (let number = this.#oldest; number < this.#oldest + before.length; number++) {
      after[number & (after.length - 1)] = before[number & (before.length - 1)]
    }
    this.#outcomes = after
  }

  toData(): unknown {
    const outcomes: unknown[] = []
    for (let number = this.#oldest; number < this.#oldest + this.#outcomes.length; number++) {
      const kept = this.outcome(number)
      if (kept !== undefined) outcomes.push(number, keptToData(kept))
    }
    return [this.number, this.nonce, this.used, this.#oldest, outcomes]
  }

  static fromData(data: unknown): Session {
    const [number, nonce, used, oldest, outcomes] = listOf(data, 'a session')
    if (typeof nonce !== 'string') throw malformed('a session without a nonce')
    const session = new Session(wholeOf(number, 'a session', 1), nonce)
    session.used = wholeOf(used, 'the use of a session', 1)
    session.#oldest = wholeOf(oldest, 'the oldest of a session', 1)
    const pairs = listOf(outcomes, 'the outcomes of a session')
    for (let i = 0; i < pairs.length; i += 2) {
      const at = wholeOf(pairs[i], 'the number of an outcome', session.#oldest)
      if (at - session.#oldest >= SESSION_WINDOW) throw malformed('an outcome beyond the window')
      session.keep(at, keptFromData(pairs[i + 1]))
    }
    return session
  }
}
