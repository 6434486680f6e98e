/**
 * How far a subscription has taken a publisher's log: everything up to `position` is done with, be it that it was
 * acknowledged or that the subscription had no use for it.
 *
 * Invariant: `#open` has the numbers that were delivered, rising, from the lowest that is not settled on.
 */
export class LogCursor {
  #open: { sequence: number; settled: boolean }[] = []
  #head = 0
  #scanned: number

  constructor(position: number) {
    this.#scanned = position
  }

  get position(): number {
    const lowest = this.#open[this.#head]
    return lowest === undefined ? this.#scanned : lowest.sequence - 1
  }

  /** It was given the message of this number, which is above all before. */
  delivered(sequence: number): void {
    this.#open.push({ sequence, settled: false })
    this.#scanned = sequence
  }

  /** Nothing else for it up to here. */
  passed(to: number): void {
    this.#scanned = Math.max(this.#scanned, to)
  }

  settled(sequence: number): void {
    // Nearly always the first.
    let at = this.#head
    while (at < this.#open.length && this.#open[at]!.sequence !== sequence) at++
    if (at === this.#open.length) return
    this.#open[at]!.settled = true
    while (this.#open[this.#head]?.settled) this.#head++
    if (this.#head * 2 < this.#open.length) return
    this.#open = this.#open.slice(this.#head)
    this.#head = 0
  }
}
