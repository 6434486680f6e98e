/** ms after which somebody who was called and has not chosen is taken to have left. A guess: it is done in the same turn. */
const LEFT = 5

/** Whoever waits for room at a group's members, first come, first served: those who are called have the next choices. */
export class Line {
  readonly #waiting: (() => void)[] = []
  /** Called, and not back yet. */
  #called = 0
  #calledAt = 0

  get length(): number {
    return this.#waiting.length
  }

  /** Whether somebody who chooses now may: nobody waits, or it is one of those who were called. */
  admits(): boolean {
    if (this.#waiting.length === 0) return true
    if (this.#called === 0) return false
    this.#called--
    return true
  }

  wait(resume: () => void): void {
    this.#waiting.push(resume)
  }

  /** There is room for so many. `now`: monotonic ms. */
  call(room: number, now: number): void {
    if (now - this.#calledAt > LEFT) this.#called = 0
    this.#calledAt = now
    const called = this.#waiting.splice(0, Math.max(0, room - this.#called))
    this.#called += called.length
    for (const resume of called) resume()
  }
}
