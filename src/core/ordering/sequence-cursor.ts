/** What a group said last under a key, and where in its log. */
export interface LastOf {
  readonly key: string
  readonly number: number
  readonly index: number
}

/** Numbers that cannot be had any more: from `from` on (undefined: nobody here knows) up to `to`. */
export interface Missing {
  readonly sequence: string
  readonly from: number | undefined
  readonly to: number
}

/** Sequences of which it is remembered how far they were read: only that names the first number that is missing. */
const REMEMBERED = 65_536

/**
 * How far a reader of a group's log is. Of each sequence it passes every number once, in order, or says which are missing:
 * the log is the order, and where it was cut off the state says what was said last under each key, and when.
 */
export class SequenceCursor {
  /** The index from which on it reads. */
  next: number
  #last = new Map<string, number>()
  /** All before it is of no concern, be it there or not. */
  #begun: boolean

  /** `begun`: what the log has forgotten from `next` on is missing. */
  constructor(next: number, begun: boolean) {
    this.next = next
    this.#begun = begun
  }

  /** The number is the next of its sequence; false where it was passed before. `missing`: what should have come before. */
  pass(sequence: string, number: number, index: number): { missing: Missing | undefined } | false {
    this.next = Math.max(this.next, index)
    const known = this.#last.get(sequence)
    if (known !== undefined && number <= known) return false
    this.#begun = true
    this.#note(sequence, number)
    const gap = known !== undefined && number > known + 1
    return { missing: gap ? { sequence, from: known + 1, to: number - 1 } : undefined }
  }

  /** All before that index was read. */
  read(next: number): void {
    this.next = Math.max(this.next, next)
    this.#begun = true
  }

  /** The log has forgotten what it was to go on with: what it holds goes on behind `index`. */
  skip(index: number, last: Iterable<LastOf>): Missing[] {
    const missing: Missing[] = []
    for (const { key: sequence, number, index: at } of last) {
      if (at < this.next) continue
      const known = this.#last.get(sequence)
      this.#note(sequence, number)
      const from = known === undefined ? undefined : known + 1
      if (this.#begun && (from === undefined || from <= number)) missing.push({ sequence, from, to: number })
    }
    this.read(index + 1)
    return missing
  }

  #note(sequence: string, number: number): void {
    this.#last.delete(sequence)
    if (this.#last.size >= REMEMBERED) this.#last.delete(this.#last.keys().next().value!)
    this.#last.set(sequence, number)
  }
}
