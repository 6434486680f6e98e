/**
 * What is under way to a follower: the last entry of each append and its bytes, oldest first. Bounded by both.
 *
 * A follower takes appends in their order only. Where they overtake each other each window is sent for little, and each append that
 * is answered may have another one sent; so the bound is halved by each loss, and raised by one with each window that
 * has arrived, as TCP's is (Jacobson, "Congestion Avoidance and Control", SIGCOMM 1988).
 */
export class Window {
  readonly #messages: number
  readonly #bytes: number
  readonly #last: number[] = []
  readonly #sizes: number[] = []
  #size = 0
  /** Messages at most, at present. */
  #limit: number
  /** That have arrived since the limit was changed. */
  #arrived = 0

  constructor(messages: number, bytes: number) {
    this.#messages = this.#limit = messages
    this.#bytes = bytes
  }

  get full(): boolean {
    return this.#last.length >= this.#limit || this.#size >= this.#bytes
  }

  add(last: number, bytes: number): void {
    this.#last.push(last)
    this.#sizes.push(bytes)
    this.#size += bytes
  }

  /** All up to `index` have arrived. */
  free(index: number): void {
    while (this.#last.length > 0 && this.#last[0]! <= index) {
      this.#freeFirst()
      if (this.#limit >= this.#messages || ++this.#arrived < this.#limit) continue
      this.#limit++
      this.#arrived = 0
    }
  }

  /** Something was lost, or was overtaken. */
  shrink(): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / 2))
    this.#arrived = 0
  }

  clear(): void {
    while (this.#last.length > 0) this.#freeFirst()
  }

  #freeFirst(): void {
    this.#last.shift()
    this.#size -= this.#sizes.shift()!
  }
}
