export interface ThrottleSettings {
  /** Calls that may be under way to a target of which nothing is known yet. 1,024: a guess; it doubles in each window while the target is calm. */
  initial: number
  /** Calls that always may. 16: a guess; Netflix's Gradient2 has 20. */
  least: number
  most: number
  /** ms of a window, at least, and calls that must have ended well in it. 100 and 10: a guess, and Netflix's `WindowedLimit`. */
  window: number
  samples: number
  /** Mean ms below which nothing is done. 50, a guess: a queue so short costs nobody, and batches gain by it. */
  calm: number
  /** Factor by which calls may become slower without being held to wait. 1.2: a guess; Gradient2 has 1.5. */
  tolerance: number
  /** Share of calls refused or lost in a window from which the limit falls as if they were all there is to know. 0.05: a guess. */
  errors: number
  /** Factor by which it then falls. 0.9: Netflix's `AIMDLimit`. */
  backOff: number
  /** Windows above `calm` after which it is measured anew how fast the target is. 30: a guess. */
  probeEvery: number
}

export const THROTTLE_DEFAULTS: ThrottleSettings = {
  initial: 1_024,
  least: 16,
  most: 65_536,
  window: 100,
  samples: 10,
  calm: 50,
  tolerance: 1.2,
  errors: 0.05,
  backOff: 0.9,
  probeEvery: 30
}

const SMALLEST = 16

/**
 * How many calls may be under way to one target: as many as it answers without a queue, and a few more. The rule is TCP
 * Vegas' (Brakmo and Peterson, 1995) as Netflix's concurrency-limits has it in `VegasLimit`: of `limit` calls,
 * limit × (1 − tolerance × base / mean) wait in a queue, where `base` is what a call takes without one. Fewer than alpha =
 * 3 log₁₀ limit, and the limit grows by log₁₀ limit; more than beta = 6 log₁₀ limit, and it shrinks; beyond twice beta it
 * shrinks at once to what was not waiting, plus beta, but never by more than half. While less than half of it is used
 * nothing is done (`Gradient2Limit`).
 *
 * Calls of agents differ by orders of magnitude, so nothing is concluded from the fastest of them: `base` is the mean of a
 * whole window, in which as many calls ended as were under way when it began. It is measured as BBR measures its round trip
 * (Cardwell et al., 2016): now and then the limit is halved for two windows, one that drains the queue and one that shows how
 * fast the target is without it. Only where that finds a queue the limit shrinks, and it is done again once it has.
 *
 * A call's time is taken between the k-th beginning and the k-th end. Where calls end in another order, the mean is still
 * exact over any time in which all of them ended, and no call needs a note of its own.
 */
export class Throttle {
  readonly #settings: ThrottleSettings
  #limit: number
  /** A whole number: calls that may be under way. */
  limit: number
  inFlight = 0
  #begun: Float64Array = new Float64Array(SMALLEST)
  #first = 0
  // ---- the window
  #since = 0
  #succeeded = 0
  #errors = 0
  #time = 0
  #most = 0
  // ---- what is known of the target
  #base = Number.POSITIVE_INFINITY
  #before = 0
  /** Windows since it was measured. */
  #stale = 0
  /** Whether there was a queue. */
  #queued = false
  #phase: 'steady' | 'draining' | 'measuring' = 'steady'

  constructor(settings: ThrottleSettings = THROTTLE_DEFAULTS) {
    this.#settings = settings
    this.#limit = this.limit = settings.initial
  }

  get open(): boolean {
    return this.inFlight < this.limit
  }

  /** `now`: monotonic ms. */
  began(now: number): void {
    if (this.inFlight === this.#begun.length) this.#grow()
    this.#begun[(this.#first + this.inFlight) & (this.#begun.length - 1)] = now
    if (this.inFlight === 0 && this.#succeeded + this.#errors === 0) this.#since = now
    if (++this.inFlight > this.#most) this.#most = this.inFlight
  }

  /** 'overloaded': it was refused for want of room, or never answered. 'unknown' says nothing. */
  ended(now: number, how: 'answered' | 'overloaded' | 'unknown'): void {
    if (this.inFlight === 0) return
    const took = now - this.#begun[this.#first]!
    this.#first = (this.#first + 1) & (this.#begun.length - 1)
    this.inFlight--
    if (how === 'unknown') return
    if (how === 'overloaded') this.#errors++
    else {
      this.#succeeded++
      this.#time += took
    }
    const { samples, window } = this.#settings
    const ended = this.#succeeded + this.#errors
    if (ended >= samples && ended >= this.#most && now - this.#since >= window) this.#adapt(now)
  }

  #adapt(now: number): void {
    const { errors, backOff, least, most } = this.#settings
    if (this.#errors > errors * (this.#errors + this.#succeeded)) {
      this.#phase = 'steady'
      this.#limit = Math.min(this.#limit, this.#most) * backOff
    } else {
      this.#judge(this.#time / this.#succeeded)
    }
    this.#limit = Math.min(most, Math.max(least, this.#limit))
    const allowed = this.#phase === 'steady' ? this.#limit : Math.max(least, this.#limit / 2)
    this.limit = Math.round(allowed)
    this.#since = now
    this.#most = this.inFlight
    this.#succeeded = this.#errors = this.#time = 0
  }

  /** `mean`: ms of the window's calls. */
  #judge(mean: number): void {
    const { calm, probeEvery } = this.#settings
    if (this.#phase === 'draining' && mean > calm) {
      this.#phase = 'measuring'
    } else if (this.#phase === 'measuring' && mean > calm) {
      this.#phase = 'steady'
      this.#base = mean
      this.#queued = mean < QUEUED * this.#before
      this.#stale = this.#queued ? probeEvery : 0
      this.#steer(this.#before)
    } else if (this.#phase !== 'steady' || mean <= calm) {
      this.#phase = 'steady'
      this.#base = mean
      this.#stale = 0
      // Slow start (RFC 5681): while nothing queues, what is allowed doubles with each window that uses it.
      if (2 * this.#most >= this.limit) this.#limit *= 2
    } else if (2 * this.#most >= this.limit) {
      // The first window has the calls that found the target idle.
      const first = this.#stale === 0 && this.#base === Number.POSITIVE_INFINITY
      const slower = this.#stale >= SETTLED && mean > SLOWER * this.#base
      const probe = this.#stale >= probeEvery || slower || this.#base === Number.POSITIVE_INFINITY
      this.#stale++
      if (first) return
      if (!probe) {
        this.#steer(mean)
        return
      }
      this.#phase = 'draining'
      this.#before = mean
    }
  }

  #widen(): void {
    if (2 * this.#most >= this.limit) this.#limit += Math.log10(this.#limit)
  }

  #steer(mean: number): void {
    const step = Math.log10(this.#limit)
    const moving = this.#limit * Math.min(1, (this.#settings.tolerance * this.#base) / mean)
    const queued = this.#limit - moving
    if (queued < 3 * step) this.#widen()
    else if (!this.#queued) return
    else if (queued > 12 * step) this.#limit = Math.max(this.#limit / 2, moving + 6 * step)
    else if (queued > 6 * step) this.#limit -= step
  }

  #grow(): void {
    const { length } = this.#begun
    const begun = new Float64Array(length * 2)
    for (let i = 0; i < length; i++) begun[i] = this.#begun[(this.#first + i) & (length - 1)]!
    this.#begun = begun
    this.#first = 0
  }
}

/** With half as much under way calls took less than this share: there was a queue. A guess, half way between the two. */
const QUEUED = 0.75
/** Above this factor of `base` the target is measured again, once so many windows have passed. Guesses. */
const SLOWER = 1.5
const SETTLED = 5
