import { Deadlines, type Due } from '../../core/delivery/deadlines.ts'
import { attemptAll } from '../attempt-all.ts'
import type { Clock, Timer } from '../ports.ts'

/** Many deadlines behind one timer. Fires at most `GRAIN` late, so that the timer is not reset for each of them. */
const GRAIN = 5

export class Alarm<T extends Due> {
  readonly #clock: Clock
  readonly #due: (item: T) => void
  readonly #deadlines = new Deadlines<T>()
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, due: (item: T) => void) {
    this.#clock = clock
    this.#due = due
  }

  add(item: T): void {
    this.#deadlines.add(item)
    if (item.at < this.#timerAt - GRAIN) this.#arm()
  }

  remove(item: T): void {
    this.#deadlines.remove(item)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timerAt = Number.NEGATIVE_INFINITY
  }

  /** The timer stays armed when its deadline is removed: most are, long before, and the next is later anyway. */
  #arm(): void {
    this.#timer?.cancel()
    const { next } = this.#deadlines
    this.#timerAt = next
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer = this.#clock.after(Math.max(0, next - this.#clock.monotonic()) + GRAIN, () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      try {
        attemptAll(this.#taken(this.#clock.monotonic()), this.#due)
      } finally {
        this.#arm()
      }
    })
  }

  /** Taken one by one: what one of them causes may call off another. */
  *#taken(now: number): Iterable<T> {
    for (let item = this.#deadlines.take(now); item !== undefined; item = this.#deadlines.take(now)) yield item
  }
}
