import { seededDice } from '../../src/testing/dice.ts'

/** What a scenario draws by lot: the same seed draws the same. */
export class Chance {
  readonly #random: () => number

  constructor(seed: string) {
    this.#random = seededDice(seed).random
  }

  /** True with probability `p`. */
  happens(p: number): boolean {
    return this.#random() < p
  }

  /** Uniform in [least, most). */
  between(least: number, most: number): number {
    return least + this.#random() * (most - least)
  }

  /** A whole number from 0 to `bound` − 1. */
  below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** The items in another order. */
  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.#random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  }
}
