import type { Message } from '../../../../src/index.ts'
import type { Play } from '../../play.ts'
import type { Ledger } from './ledger.ts'

/** One life of an agent that is sent messages in total order: of each sequence one at a time, in the order of their numbers. */
export class Worker {
  readonly #play: Play
  readonly #ledger: Ledger
  readonly #name: string
  /** Nobody dies, so every number comes. */
  readonly #calm: boolean
  readonly #failing: () => boolean
  readonly #work: () => Promise<void>
  readonly #running = new Map<string, number>()
  readonly #last = new Map<string, number>()

  constructor(
    play: Play,
    ledger: Ledger,
    name: string,
    calm: boolean,
    failing: () => boolean,
    work: () => Promise<void>
  ) {
    this.#play = play
    this.#ledger = ledger
    this.#name = name
    this.#calm = calm
    this.#failing = failing
    this.#work = work
  }

  /** `handled` hears of what was handled. */
  async handle({ routing, extensions, data }: Message, handled: (id: string) => void): Promise<void> {
    const sequence = `${routing!.target} ${routing!.key}`
    const number = Number(extensions!['sequence'])
    const id = String(data)
    const story = { worker: this.#name, sequence, number, id, last: this.#last.get(sequence) }
    this.#ledger.heard(sequence, number, id, this.#calm)
    const running = this.#running.get(sequence)
    this.#play.must(running === undefined, 'one of a sequence is handled at a time', { ...story, running })
    const last = this.#last.get(sequence) ?? 0
    this.#play.must(number > last, 'numbers are handled in their order', story)
    if (this.#calm) this.#play.must(number === last + 1, 'none is handled before the one before', story)
    this.#running.set(sequence, number)
    await this.#work()
    this.#running.delete(sequence)
    if (this.#failing()) throw new Error('not now')
    this.#last.set(sequence, number)
    handled(id)
  }
}
