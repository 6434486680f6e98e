import type { MeshError, Message, Subscription } from '../../../../src/index.ts'
import type { Play } from '../../play.ts'
import type { Ledger } from './ledger.ts'

/** One life of a subscription: what it hears of each topic follows without a gap, but for those that it is told. */
export class Reader {
  readonly name: string
  readonly lives: () => boolean
  /** It was told that it misses something. */
  readonly #deaf: () => boolean
  #ready = false
  readonly #play: Play
  readonly #ledger: Ledger
  /** Of each topic the first number heard, and the last that was heard or told to be missing. */
  readonly #first = new Map<string, number>()
  readonly #last = new Map<string, number>()

  constructor(
    play: Play,
    ledger: Ledger,
    name: string,
    subscription: Subscription,
    { lives, deaf }: { lives: () => boolean; deaf: () => boolean }
  ) {
    this.#play = play
    this.#ledger = ledger
    this.name = name
    this.lives = lives
    this.#deaf = deaf
    subscription.ready.then(
      () => {
        this.#ready = true
      },
      () => {}
    )
    void this.#read(subscription)
  }

  /** What is published after this is not missed. */
  get ready(): boolean {
    return this.#ready && !this.#deaf()
  }

  last(topic: string): number {
    return this.#last.get(topic) ?? 0
  }

  /** Whether it has heard the number, or was told that it cannot. */
  knows(topic: string, number: number): boolean {
    return number >= (this.#first.get(topic) ?? Number.POSITIVE_INFINITY) && number <= this.last(topic)
  }

  async #read(subscription: Subscription): Promise<void> {
    try {
      for await (const message of subscription) {
        if (this.lives()) this.#hear(message)
      }
    } catch (error) {
      const { code, details } = error as MeshError
      if (code !== 'ERR_GAP') return
      this.#missed(details as { topic: string; from: number | undefined; to: number })
      await this.#read(subscription)
    }
  }

  #hear({ routing, extensions, data }: Message): void {
    const topic = routing!.topic!
    const number = Number(extensions!['sequence'])
    this.#ledger.heard(topic, number, String(data), true)
    const last = this.#last.get(topic)
    const story = { reader: this.name, topic, number, last }
    this.#play.must(last === undefined || number === last + 1, 'numbers follow each other without a gap', story)
    if (last === undefined) this.#first.set(topic, number)
    this.#last.set(topic, number)
  }

  #missed({ topic, from, to }: { topic: string; from: number | undefined; to: number }): void {
    const last = this.#last.get(topic)
    const story = { reader: this.name, topic, from, to, last }
    this.#play.must(
      from === undefined || last === undefined || from === last + 1,
      'what is missing is told exactly',
      story
    )
    if (last === undefined) this.#first.set(topic, from ?? 1)
    this.#last.set(topic, to)
  }
}
