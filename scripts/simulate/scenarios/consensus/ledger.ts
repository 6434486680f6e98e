import type { StateMachine } from '../../../../src/index.ts'
import type { Play } from '../../play.ts'

export interface Line {
  readonly id: string
}

/** What all replicas of the ledger have to agree on: the entry at each index, as the first of them applied it. */
export class Truth {
  readonly #play: Play
  readonly #lines = new Map<number, string>()
  readonly #places = new Map<string, number>()

  constructor(play: Play) {
    this.#play = play
  }

  get last(): number {
    return Math.max(0, ...this.#lines.keys())
  }

  at(index: number): string | undefined {
    return this.#lines.get(index)
  }

  placeOf(id: string): number | undefined {
    return this.#places.get(id)
  }

  /** The first of a range that has a line; both ends belong to it. */
  firstOf(from: number, to: number): number | undefined {
    for (let index = from; index <= to; index++) if (this.#lines.has(index)) return index
    return undefined
  }

  /** All up to an index, in order. */
  until(index: number): string[] {
    return [...this.#lines]
      .filter(([at]) => at <= index)
      .sort(([a], [b]) => a - b)
      .map(([, id]) => id)
  }

  applied(index: number, id: string): void {
    const known = this.#lines.get(index)
    this.#play.must(known === undefined || known === id, 'no two replicas apply different entries at an index', {
      ...{ index, known, id }
    })
    if (known !== undefined) return
    const before = this.#places.get(id)
    this.#play.must(before === undefined, 'a proposal is applied once', { id, before, index })
    this.#lines.set(index, id)
    this.#places.set(id, index)
  }
}

/** A machine of a user's own: it writes down what it is told, and tells how often it was told that. */
export class Ledger implements StateMachine {
  readonly #play: Play
  readonly #truth: Truth
  #ids: string[] = []
  #last = 0

  constructor(play: Play, truth: Truth) {
    this.#play = play
    this.#truth = truth
  }

  apply(command: unknown, { index }: { index: number }): number {
    const { id } = command as Line
    const missing = this.#truth.firstOf(this.#last + 1, index - 1)
    const story = { index, id, missing, before: this.#last }
    this.#play.must(missing === undefined && index > this.#last, 'a replica applies every entry, in order', story)
    this.#truth.applied(index, id)
    this.#last = index
    this.#ids.push(id)
    return this.#ids.filter((one) => one === id).length
  }

  query(): string[] {
    return this.#ids
  }

  snapshot(): unknown {
    return [this.#last, ...this.#ids]
  }

  restore(state: unknown): void {
    const [last, ...ids] = state as [number, ...string[]]
    this.#last = last
    this.#ids = ids
  }
}
