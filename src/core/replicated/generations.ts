import { listOf, malformed, textOf } from './malformed.ts'

/**
 * What was said of names lately: of the last `most` of them surely, of twice as many at most. Two maps, of which the older is
 * dropped whole, so that nothing is deleted one by one (`NumberedTable` says what that costs).
 */
export class Generations {
  readonly #most: number
  #younger = new Map<string, number>()
  #older = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#younger.size + this.#older.size
  }

  get(name: string): number | undefined {
    return this.#younger.get(name) ?? this.#older.get(name)
  }

  /** The name must not be in it. */
  add(name: string, number: number): void {
    if (this.#younger.size === this.#most) {
      this.#older = this.#younger
      this.#younger = new Map()
    }
    this.#younger.set(name, number)
  }

  toData(): unknown {
    return [[...this.#older].flat(), [...this.#younger].flat()]
  }

  restore(data: unknown): void {
    const [older, younger] = listOf(data, 'the generations')
    this.#older = this.#read(older)
    this.#younger = this.#read(younger)
  }

  #read(data: unknown): Map<string, number> {
    const flat = listOf(data, 'a generation')
    const names = new Map<string, number>()
    for (let i = 0; i < flat.length; i += 2) {
      const number = flat[i + 1]
      if (typeof number !== 'number') throw malformed('a name without a number')
      names.set(textOf(flat[i], 'a name'), number)
    }
    if (names.size > this.#most) throw malformed('a generation of too many')
    return names
  }
}
