import type { Priority } from '../../../protocols/envelope/message.ts'

export interface OverloadSettings {
  /** ms that something may wait to be looked at. */
  target: number
  /** ms in which at least one must have waited no longer. */
  interval: number
}

/** Of the event loop: what comes is looked at a tenth of a second late, at best, for half a second. Guesses. */
export const LOOP_OVERLOAD: OverloadSettings = { target: 100, interval: 500 }
/** Of requests that queue for one handler: a tenth of their default timeout, and twice that. Guesses. */
export const QUEUE_OVERLOAD: OverloadSettings = { target: 500, interval: 1_000 }

/** The level from which a priority is shed. */
const SHED_FROM: Readonly<Record<Priority, number>> = {
  low: 1,
  normal: 2,
  high: Number.POSITIVE_INFINITY,
  critical: Number.POSITIVE_INFINITY
}
const HIGHEST = 2

/**
 * Whether something is overloaded, told by how long what comes waits there. The measure is CoDel's (Nichols and Jacobson,
 * "Controlling Queue Delay", 2012): the least wait in an interval, because a good queue drains now and then and a bad one
 * never does, so a burst or a pause for garbage is no overload. What then happens is DAGOR's (Zhou et al., "Overload Control
 * for Scaling WeChat Microservices", 2018): each interval that is bad raises the level, each good one lowers it, and a level
 * sheds one more priority. At 0 nothing is.
 */
export class Overload {
  readonly #settings: OverloadSettings
  #level = 0
  #least = Number.POSITIVE_INFINITY
  #until = Number.NEGATIVE_INFINITY

  constructor(settings: OverloadSettings) {
    this.#settings = settings
  }

  /** 0 while not overloaded. */
  get level(): number {
    return this.#level
  }

  /** Something waited `delay` ms until now, monotonic ms. */
  observe(delay: number, now: number): void {
    // Nothing waited at all for an interval before it came.
    if (now - delay >= this.#until + this.#settings.interval) this.#begin(0, now)
    else if (now >= this.#until) this.#begin(this.#judged, now)
    if (delay < this.#least) this.#least = delay
  }

  /** Nothing waits now, nor did since what was last observed. */
  idle(now: number): void {
    if (now >= this.#until + this.#settings.interval) this.#begin(0, now)
  }

  sheds(priority: Priority = 'normal'): boolean {
    return this.#level >= SHED_FROM[priority]
  }

  get #judged(): number {
    return this.#least > this.#settings.target ? Math.min(HIGHEST, this.#level + 1) : Math.max(0, this.#level - 1)
  }

  #begin(level: number, now: number): void {
    this.#level = level
    this.#least = Number.POSITIVE_INFINITY
    this.#until = now + this.#settings.interval
  }
}
