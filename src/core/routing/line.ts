/** ms after which somebody who was called and has not chosen is taken to have left. A guess: it is done in the same turn. */
const LEFT = 5

/** Somebody who waits for room. */
export class Waiter {
  readonly resume: () => void
  /** Lower ones came first. */
  readonly ticket: number
  readonly #line: Line
  waits = true

  constructor(line: Line, ticket: number, resume: () => void) {
    this.#line = line
    this.ticket = ticket
    this.resume = resume
  }

  /** It waits no longer, whether it was called or not. */
  leave(): void {
    if (!this.waits) return
    this.waits = false
    this.#line.left()
  }
}

/** Whoever waits for room, first come, first served: those who are called have the next choices. */
export class Line {
  /** From `#head` on; some of them may have left. */
  #waiting: Waiter[] = []
  #head = 0
  length = 0
  /** Called, and not back yet. */
  #called = 0
  #calledAt = 0

  /** Whether somebody who chooses now may: nobody waits, or it is one of those who were called. */
  admits(): boolean {
    if (this.length === 0) return true
    if (this.#called === 0) return false
    this.#called--
    return true
  }

  wait(ticket: number, resume: () => void): Waiter {
    const waiter = new Waiter(this, ticket, resume)
    this.#waiting.push(waiter)
    this.length++
    return waiter
  }

  /** Those who were called and are expected. `now`: monotonic ms. */
  expected(now: number): number {
    if (now - this.#calledAt > LEFT) this.#called = 0
    return this.#called
  }

  /** The ticket of whoever has waited longest; Infinity where nobody waits. */
  get first(): number {
    if (this.length === 0) return Number.POSITIVE_INFINITY
    while (!this.#waiting[this.#head]!.waits) this.#head++
    return this.#waiting[this.#head]!.ticket
  }

  /** Calls whoever has waited longest. */
  call(now: number): void {
    if (this.first === Number.POSITIVE_INFINITY) return
    const waiter = this.#waiting[this.#head++]!
    this.#calledAt = now
    this.#called++
    waiter.leave()
    waiter.resume()
  }

  callAll(now: number): void {
    for (let left = this.length; left > 0; left--) this.call(now)
  }

  /** One of them does not wait any more. */
  left(): void {
    this.length--
    if (this.length === 0) {
      this.#waiting = []
      this.#head = 0
    } else if (this.#waiting.length > 2 * this.length + SPARE) {
      this.#waiting = this.#waiting.slice(this.#head).filter(({ waits }) => waits)
      this.#head = 0
    }
  }
}

/** Places of those who left that are not worth being cleared away. A guess. */
const SPARE = 64
