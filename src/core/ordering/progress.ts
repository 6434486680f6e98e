/** How far a reader's reader is: all up to `position` was done with, in whatever order that happened. */
export class Progress {
  readonly #open: { readonly index: number; done: boolean }[] = []
  #next: number

  /** All before `next` is done with. */
  constructor(next: number) {
    this.#next = next
  }

  get position(): number {
    return (this.#open[0]?.index ?? this.#next) - 1
  }

  /** It was handed out; indexes do not fall. */
  handed(index: number): void {
    this.#open.push({ index, done: false })
  }

  /** All before `next` was handed out. */
  passed(next: number): void {
    this.#next = Math.max(this.#next, next)
  }

  settled(index: number): void {
    const one = this.#open.find((open) => open.index === index && !open.done)
    if (one !== undefined) one.done = true
    while (this.#open[0]?.done === true) this.#next = Math.max(this.#next, this.#open.shift()!.index + 1)
  }
}
