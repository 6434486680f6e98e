import type { LogEntry } from '../../../protocols/publish-subscribe/messages.ts'

export interface RecentLimits {
  messages: number
  bytes: number
}

/**
 * The newest part of a log, in memory.
 *
 * Invariants: it holds every entry of the log whose number is above `base`, in rising order; the bounds hold unless it
 * holds a single entry, which may be larger than `bytes`.
 */
export class Recent {
  readonly #limits: RecentLimits
  /** From `#head` on. */
  #entries: LogEntry[] = []
  #head = 0
  #bytes = 0
  base: number

  constructor(limits: RecentLimits, base = 0) {
    this.#limits = limits
    this.base = base
  }

  push(entry: LogEntry): void {
    this.#entries.push(entry)
    this.#bytes += entry.bytes.length
    const { messages, bytes } = this.#limits
    let length = this.#entries.length - this.#head
    for (; length > messages || (this.#bytes > bytes && length > 1); length--) {
      const oldest = this.#entries[this.#head++]!
      this.#bytes -= oldest.bytes.length
      this.base = oldest.sequence
    }
    // Moves what is left only once it is the smaller half, so that each entry is moved at most once or twice.
    if (this.#head > length) this.#compact()
  }

  #compact(): void {
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }

  /** Forgets what is above `last`: it never was in the log. */
  truncate(last: number): void {
    while (this.#entries.length > this.#head && this.#entries.at(-1)!.sequence > last) {
      this.#bytes -= this.#entries.pop()!.bytes.length
    }
    this.base = Math.min(this.base, last)
  }

  /** Entries above `after`, which is no less than `base`, up to `to`: as many as make `bytes`, and one at least. */
  between(after: number, to: number, bytes: number): LogEntry[] {
    const found: LogEntry[] = []
    let size = 0
    for (let at = this.#behind(after); at < this.#entries.length && size < bytes; at++) {
      const entry = this.#entries[at]!
      if (entry.sequence > to) break
      found.push(entry)
      size += entry.bytes.length
    }
    return found
  }

  /** Bytes of the entries above `last`, with so many more for each. */
  sizeAbove(last: number, overhead: number): number {
    let size = 0
    for (let at = this.#behind(last); at < this.#entries.length; at++)
      size += this.#entries[at]!.bytes.length + overhead
    return size
  }

  /** Index of the first entry above `sequence`. */
  #behind(sequence: number): number {
    let low = this.#head
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#entries[middle]!.sequence > sequence) high = middle
      else low = middle + 1
    }
    return low
  }
}
