/** What is under way to a follower: the last entry of each append and its bytes, oldest first. Bounded by both. */
export class Window {
  readonly #messages: number
  readonly #bytes: number
  readonly #last: number[] = []
  readonly #sizes: number[] = []
  #size = 0

  constructor(messages: number, bytes: number) {
    this.#messages = messages
    this.#bytes = bytes
  }

  get full(): boolean {
    return this.#last.length >= this.#messages || this.#size >= this.#bytes
  }

  add(last: number, bytes: number): void {
    this.#last.push(last)
    this.#sizes.push(bytes)
    this.#size += bytes
  }

  /** All up to `index` have arrived. */
  free(index: number): void {
    while (this.#last.length > 0 && this.#last[0]! <= index) this.#freeFirst()
  }

  clear(): void {
    while (this.#last.length > 0) this.#freeFirst()
  }

  #freeFirst(): void {
    this.#last.shift()
    this.#size -= this.#sizes.shift()!
  }
}
