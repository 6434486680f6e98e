/** How much of a log is kept. */
export interface RetentionBounds {
  messages: number
  bytes: number
  /** ms. */
  age: number
}

/** The log is let go of in so many steps: what is kept is between 63 and 65 of them. */
const STEPS = 64

/** Where a step begins. */
interface Mark {
  sequence: number
  time: number
  /** Bytes of the log before it. */
  before: number
}

/**
 * Which part of a log is to be kept, and where in it a time is, from marks at every 64th of the bounds.
 *
 * Invariant: marks rise in number, and the first is where the log begins.
 */
export class Retention {
  readonly #bounds: RetentionBounds
  #marks: Mark[] = []
  #last = 0
  #bytes = 0

  constructor(bounds: RetentionBounds) {
    this.#bounds = bounds
  }

  /** The log has got a record of `bytes` bytes. True where a step is full: `oldest` may have changed. */
  add(sequence: number, time: number, bytes: number): boolean {
    const mark = this.#marks.at(-1)
    const { messages, bytes: most } = this.#bounds
    const full =
      mark === undefined ||
      (sequence - mark.sequence) * STEPS >= messages ||
      (this.#bytes - mark.before) * STEPS >= most ||
      (time - mark.time) * STEPS >= this.#bounds.age
    if (full) this.#marks.push({ sequence, time, before: this.#bytes })
    this.#last = sequence
    this.#bytes += bytes
    return full
  }

  /** Number of the oldest record that is to be kept at the time `now`; undefined where there is none at all. */
  oldest(now: number): number | undefined {
    const { messages, bytes, age } = this.#bounds
    while (this.#marks.length > 1) {
      const [first, second] = this.#marks as [Mark, Mark]
      const over =
        this.#last - first.sequence >= messages || this.#bytes - first.before > bytes || second.time < now - age
      if (!over) break
      this.#marks.shift()
    }
    return this.#marks[0]?.sequence
  }

  /** A number that everything published at `time` or later is above. */
  before(time: number): number {
    const later = this.#marks.findIndex((mark) => mark.time >= time)
    const mark = this.#marks[later < 0 ? this.#marks.length - 1 : Math.max(0, later - 1)]
    return (mark?.sequence ?? this.#last + 1) - 1
  }

  /** Forgets what is above `last`: it never was in the log. */
  truncate(last: number): void {
    this.#marks = this.#marks.filter(({ sequence }) => sequence <= last)
    this.#last = Math.min(this.#last, last)
  }
}
