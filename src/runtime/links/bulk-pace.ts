import type { Clock, Timer } from '../ports.ts'

/** ms for which a frame on the control lane counts as use of it. A guess: requests one after the other are closer. */
const RECENT = 20
/** Bytes in a portion: two full Noise messages behind one Yamux header. With one in 2 ms, bulk still has 500 Mbit/s. */
export const PORTION_BYTES = 2 * 65_519 - 12
/** ms from one portion to the next. */
const PAUSE = 2

/**
 * Bulk gives way: while the control lane of the same peer is in use it leaves in portions with a pause between them.
 * Without, a control request beside a full bulk lane has the bulk's bytes ahead of it in the socket and shares two
 * saturated processors with it and the collections it causes: p99 was 16 ms where an idle link has 1.3. With a pause of
 * 1 ms it was 5 to 11, with 2 it is 1.4 to 4.3 (measured).
 */
export class BulkPace {
  readonly #clock: Clock
  readonly #resume: () => void
  #sent = 0
  #timer: Timer | undefined

  /** `resume` is called when a pause is over. */
  constructor(clock: Clock, resume: () => void) {
    this.#clock = clock
    this.#resume = resume
  }

  get pausing(): boolean {
    return this.#timer !== undefined
  }

  /** So many bytes left. `controlUsedAt`: monotonic ms. */
  sent(bytes: number, controlUsedAt: number): void {
    this.#sent += bytes
    if (this.#sent < PORTION_BYTES) return
    this.#sent = 0
    if (this.#clock.monotonic() - controlUsedAt > RECENT) return
    this.#timer = this.#clock.after(PAUSE, () => {
      this.#timer = undefined
      this.#resume()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
