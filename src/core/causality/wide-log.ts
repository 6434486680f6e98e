/** ms for which a publication on a wide channel counts as under way: longer than its repair takes, 50 ms doubling five times. */
const WIDE = 3_000
/** ms between two marks. */
const STEP = 250

/** When our publications on wide channels left: who gets them nobody confirms, so they are under way for their time. */
export class WideLog {
  readonly #marks: { number: number; at: number }[] = []
  #expired = 0

  note(number: number, now: number): void {
    const mark = this.#marks.at(-1)
    if (mark === undefined || now - mark.at >= STEP) this.#marks.push({ number, at: now })
    else mark.number = number
  }

  /** The last number up to which none is under way any more. */
  expired(now: number): number {
    const marks = this.#marks
    while (marks.length > 0 && now - marks[0]!.at >= WIDE + STEP) this.#expired = marks.shift()!.number
    return this.#expired
  }
}
