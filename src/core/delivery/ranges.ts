/**
 * A set of whole numbers as the ranges that they form. Numbers mostly come in order, so the usual set is one range and
 * what happens to it happens at its end; everything else is a binary search.
 *
 * Invariants of `bounds` (first, last, first, last …): rising, and between two ranges at least one number is missing.
 */
export class Ranges {
  #bounds: number[]

  constructor(bounds: number[] = []) {
    this.#bounds = bounds
  }

  get bounds(): readonly number[] {
    return this.#bounds
  }

  /** How many ranges there are. */
  get count(): number {
    return this.#bounds.length >> 1
  }

  has(number: number): boolean {
    const at = this.#find(number)
    return at >= 0 && number <= this.#bounds[at + 1]!
  }

  /** Leaves a number alone that is in it. */
  add(number: number): void {
    const bounds = this.#bounds
    const at = this.#find(number)
    if (at >= 0 && number <= bounds[at + 1]!) return
    const joinsBefore = at >= 0 && bounds[at + 1] === number - 1
    const joinsAfter = bounds[at + 2] === number + 1
    if (joinsBefore && joinsAfter) bounds.splice(at + 1, 2)
    else if (joinsBefore) bounds[at + 1] = number
    else if (joinsAfter) bounds[at + 2] = number
    else bounds.splice(at + 2, 0, number, number)
  }

  /** Leaves a number alone that is not in it. */
  delete(number: number): void {
    const bounds = this.#bounds
    const at = this.#find(number)
    if (at < 0 || number > bounds[at + 1]!) return
    const first = bounds[at]!
    const last = bounds[at + 1]!
    if (first === last) bounds.splice(at, 2)
    else if (number === first) bounds[at]!++
    else if (number === last) bounds[at + 1]!--
    else bounds.splice(at + 1, 0, number - 1, number + 1)
  }

  /** Takes out every number below. */
  dropBelow(number: number): void {
    const bounds = this.#bounds
    if (bounds.length === 0 || bounds[0]! >= number) return
    const at = this.#find(number - 1)
    if (bounds[at + 1]! < number) bounds.splice(0, at + 2)
    else {
      bounds[at] = number
      if (at > 0) bounds.splice(0, at)
    }
  }

  clear(): void {
    this.#bounds = []
  }

  /** Where the last range stands that begins at or before the number; -2 where none does. */
  #find(number: number): number {
    const bounds = this.#bounds
    let low = 0
    let high = bounds.length >> 1
    if (high > 0 && bounds[bounds.length - 2]! <= number) return bounds.length - 2
    while (low < high) {
      const middle = (low + high) >> 1
      if (bounds[2 * middle]! <= number) low = middle + 1
      else high = middle
    }
    return 2 * (low - 1)
  }
}
