import type { Play } from '../../play.ts'

/** Which message each number of a sequence stands for, as whoever hears it first says. */
export class Ledger {
  readonly #play: Play
  readonly #messages = new Map<string, string>()
  readonly #numbers = new Map<string, number>()

  constructor(play: Play) {
    this.#play = play
  }

  /** A message has been heard under a number. `once`: it has no other. */
  heard(sequence: string, number: number, id: string, once: boolean): void {
    const place = `${sequence} ${number}`
    const known = this.#messages.get(place) ?? id
    this.#messages.set(place, known)
    this.#play.must(known === id, 'a number is the same message at everybody', { place, known, id })
    if (!once) return
    const before = this.#numbers.get(`${sequence} ${id}`) ?? number
    this.#numbers.set(`${sequence} ${id}`, before)
    this.#play.must(before === number, 'a message has one number', { sequence, id, before, number })
  }

  /** What stands at a number, where anybody has heard it. */
  at(sequence: string, number: number): string | undefined {
    return this.#messages.get(`${sequence} ${number}`)
  }
}
