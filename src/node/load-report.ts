import type { Membership } from '../runtime/membership/types.ts'
import type { Clock, Timer } from '../runtime/ports.ts'

/** ms between two looks at the load, and how far it must have moved to be told again. Guesses: load is for the long run. */
const INTERVAL = 2_000
const STEP = 0.1

/** Tells the mesh how busy this node is, so that work goes where there is room. */
export class LoadReport {
  readonly #membership: Membership
  readonly #clock: Clock
  readonly #measure: () => number
  #told = 0
  #timer: Timer | undefined

  constructor(membership: Membership, clock: Clock, measure: () => number) {
    this.#membership = membership
    this.#clock = clock
    this.#measure = measure
  }

  start(): void {
    this.#timer = this.#clock.after(INTERVAL, () => {
      const load = Math.round(this.#measure() * 100) / 100
      if (Math.abs(load - this.#told) >= STEP) {
        this.#told = load
        this.#membership.set('load', load)
      }
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
