import type { Ask } from '../../../protocols/publish-subscribe/messages.ts'
import type { Dice } from '../ports.ts'
import type { Acknowledgements } from './acknowledgements.ts'

/** Receivers of which one packet asks an acknowledgement for the window: the second covers for a lost one. */
const SAMPLED = 2

/**
 * What gossipsub lacks: a bound on what is on its way. Every quarter of the window a packet asks two of its receivers, drawn
 * by lot, for an acknowledgement; the first answer frees everything up to that packet, and so does the lack of one after `patience`.
 */
export class Window {
  readonly #limit: number
  readonly #patience: number
  readonly #acknowledgements: Acknowledgements
  readonly #dice: Dice
  #outstanding = 0
  #unasked = 0
  onOpen: () => void = () => {}

  constructor(limit: number, patience: number, acknowledgements: Acknowledgements, dice: Dice) {
    this.#limit = limit
    this.#patience = patience
    this.#acknowledgements = acknowledgements
    this.#dice = dice
  }

  get open(): boolean {
    return this.#outstanding < this.#limit
  }

  /** Takes `bytes` on their way to `peers`; sometimes returns what the packet has to ask. */
  spend(bytes: number, peers: readonly string[]): Ask | undefined {
    if (peers.length === 0) return undefined
    this.#outstanding += bytes
    this.#unasked += bytes
    if (this.#unasked < this.#limit / 4) return undefined
    const freed = this.#unasked
    this.#unasked = 0
    let done = false
    const free = () => {
      if (done) return
      done = true
      this.#outstanding -= freed
      this.onOpen()
    }
    const asked = this.#sample([...peers])
    return { token: this.#acknowledgements.askFor(this.#patience, asked, free, free), peers: asked }
  }

  #sample(peers: string[]): string[] {
    const sample: string[] = []
    while (sample.length < SAMPLED && peers.length > 0) {
      sample.push(...peers.splice(Math.floor(this.#dice.random() * peers.length), 1))
    }
    return sample
  }
}
