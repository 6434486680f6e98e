/** What stands in line. `gone` may become true while it waits: then nobody comes to it any more. */
export interface InLine {
  readonly gone: boolean
}

/** Places ahead of the first that are given back at once. A guess. */
const SLACK = 64

/** A queue from whose middle members go away: they are passed over, and their places given back in time. */
export class WaitingLine<T extends InLine> {
  #items: (T | undefined)[] = []
  #head = 0
  #gone = 0

  /** Members that are not gone. */
  get length(): number {
    return this.#items.length - this.#head - this.#gone
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** To the front, behind so many: what was taken and could not be used. */
  unshift(item: T, behind = 0): void {
    if (this.#head === 0) {
      this.#items.splice(behind, 0, item)
    } else {
      this.#items.copyWithin(this.#head - 1, this.#head, this.#head + behind)
      this.#items[--this.#head + behind] = item
    }
  }

  shift(): T | undefined {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head]!
      this.#items[this.#head++] = undefined
      // A line that is empty most of the time keeps its array: a new one for each member was a sixteenth of a message.
      if (this.#head > SLACK && 2 * this.#head > this.#items.length) {
        this.#items = this.#items.slice(this.#head)
        this.#head = 0
      }
      if (!item.gone) return item
      this.#gone--
    }
    return undefined
  }

  /** One of its members is gone now. */
  forget(): void {
    if (++this.#gone <= SLACK || this.#gone < this.length) return
    this.#items = this.#items.slice(this.#head).filter((item) => !item!.gone)
    this.#head = 0
    this.#gone = 0
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let at = this.#head; at < this.#items.length; at++) {
      const item = this.#items[at]!
      if (!item.gone) yield item
    }
  }
}
