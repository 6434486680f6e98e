import type { Step } from './register.ts'

/**
 * The starts and ends of steps in order of time, as a list that steps can be taken out of and put back into, in the
 * opposite order (Knuth's dancing links). A start and an end that fall together overlap.
 */
export class Timeline {
  /** Before the first event. */
  readonly head: number
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #steps: readonly Step[]
  readonly #count: number

  /** Event `i` is the start of step `i`, event `count + i` its end, which is none where nobody knows it. */
  constructor(steps: readonly Step[]) {
    const count = steps.length
    this.#steps = steps
    this.#count = count
    this.head = 2 * count
    this.#next = new Int32Array(2 * count + 1)
    this.#previous = new Int32Array(2 * count + 1)
    const timeOf = (event: number): number => (event < count ? steps[event]!.start : steps[event - count]!.end)
    const events = [...steps.keys()]
    for (const [i, { end }] of steps.entries()) if (end !== Infinity) events.push(count + i)
    events.sort((a, b) => timeOf(a) - timeOf(b) || a - b)
    let before = this.head
    for (const event of [...events, this.head]) {
      this.#next[before] = event
      this.#previous[event] = before
      before = event
    }
  }

  next(event: number): number {
    return this.#next[event]!
  }

  isStart(event: number): boolean {
    return event < this.#count
  }

  take(step: number): void {
    this.#unlink(step)
    if (this.#ends(step)) this.#unlink(this.#count + step)
  }

  putBack(step: number): void {
    if (this.#ends(step)) this.#link(this.#count + step)
    this.#link(step)
  }

  #ends(step: number): boolean {
    return this.#steps[step]!.end !== Infinity
  }

  #unlink(event: number): void {
    const [before, after] = [this.#previous[event]!, this.#next[event]!]
    this.#next[before] = after
    this.#previous[after] = before
  }

  #link(event: number): void {
    this.#next[this.#previous[event]!] = event
    this.#previous[this.#next[event]!] = event
  }
}
