import type { Step, Value } from './register.ts'

/** Bits of one character of a key. */
const WORD = 16
/** Words of a key before the steps: the state, and where the first step is that was not taken. */
const HEAD = 4

/**
 * Which steps have been taken. Those that end are taken near each other, since none may be left behind by its end: so a key
 * says where the first one is that was not taken, and the few words from there on. Those without an end stand apart.
 */
export class LinearizedSet {
  readonly #places: Int32Array
  readonly #ending: Uint16Array
  readonly #open: Uint16Array
  readonly #startOfOpen: number
  /** Where keys are written, as words and as bytes. */
  readonly #text: Uint16Array
  readonly #bytes: Buffer
  /** No word before it lacks a step, none after it has one. */
  #low = 0
  #high = 0

  constructor(steps: readonly Step[]) {
    const ending = steps.filter(({ end }) => end !== Infinity).length
    this.#startOfOpen = ending
    this.#ending = new Uint16Array(Math.ceil(ending / WORD) + 1)
    this.#open = new Uint16Array(Math.ceil((steps.length - ending) / WORD))
    this.#text = new Uint16Array(HEAD + this.#ending.length + this.#open.length)
    this.#bytes = Buffer.from(this.#text.buffer)
    this.#places = new Int32Array(steps.length)
    let [nextEnding, nextOpen] = [0, ending]
    for (const [i, { end }] of steps.entries()) this.#places[i] = end === Infinity ? nextOpen++ : nextEnding++
  }

  /** Takes a step in, or out again. */
  flip(step: number): void {
    const place = this.#places[step]!
    if (place >= this.#startOfOpen) {
      const at = place - this.#startOfOpen
      this.#open[Math.floor(at / WORD)]! ^= 1 << (at % WORD)
      return
    }
    const word = Math.floor(place / WORD)
    this.#ending[word]! ^= 1 << (place % WORD)
    this.#low = Math.min(this.#low, word)
    this.#high = Math.max(this.#high, word)
  }

  has(step: number): boolean {
    const place = this.#places[step]!
    const at = place - this.#startOfOpen
    const words = at >= 0 ? this.#open : this.#ending
    const bit = at >= 0 ? at : place
    return (words[Math.floor(bit / WORD)]! & (1 << (bit % WORD))) !== 0
  }

  /** One text for each set and state. */
  key(state: Value): string {
    const words = this.#ending
    while (words[this.#low] === 0xffff) this.#low++
    this.#high = Math.max(this.#high, this.#low)
    while (this.#high > this.#low && words[this.#high] === 0) this.#high--
    const window = words.subarray(this.#low, this.#high + 1)
    const text = this.#text
    text[0] = this.#low
    text[1] = state
    text[2] = state >> WORD
    text[3] = this.#low >> WORD
    text.set(window, HEAD)
    text.set(this.#open, HEAD + window.length)
    return this.#bytes.toString('utf16le', 0, 2 * (HEAD + window.length + this.#open.length))
  }
}
