import type { Message } from '../../../../src/core/consensus/types.ts'
import type { Chance } from '../../chance.ts'

interface Named {
  readonly id: string
}

/** Loses, doubles, holds up and reorders; each direction of each link may be cut by itself. */
export class Network {
  loss = 0
  doubling = 0
  /** ms that a message takes, at most. */
  slowest = 10
  readonly #ids: readonly string[]
  readonly #after: (ms: number, run: () => void) => void
  readonly #chance: Chance
  readonly #deliver: (message: Message) => void
  readonly #cut = new Set<string>()

  constructor(
    ids: readonly string[],
    after: (ms: number, run: () => void) => void,
    chance: Chance,
    deliver: (message: Message) => void
  ) {
    this.#ids = ids
    this.#after = after
    this.#chance = chance
    this.#deliver = deliver
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`)
  }

  join(a: Named, b: Named): void {
    this.#cut.delete(`${a.id}>${b.id}`)
    this.#cut.delete(`${b.id}>${a.id}`)
  }

  /** Whoever is not among them hears nobody and is not heard. */
  only(group: readonly Named[]): void {
    this.heal()
    for (const a of this.#ids)
      for (const b of this.#ids)
        if (!group.some(({ id }) => id === a) || !group.some(({ id }) => id === b)) this.cut(a, b)
  }

  heal(): void {
    this.#cut.clear()
  }

  send(message: Message): void {
    const copies = this.#chance.happens(this.doubling) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (this.#chance.happens(this.loss)) continue
      const late = this.#chance.happens(0.02) ? 20 : 1
      this.#after(this.#chance.between(1, this.slowest) * late, () => {
        if (!this.#cut.has(`${message.from}>${message.to}`)) this.#deliver(message)
      })
    }
  }
}
