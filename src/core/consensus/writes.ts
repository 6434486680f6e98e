interface Batch {
  readonly number: number
  /** The last entry that is on disk with this batch and is still in the log. */
  last: number
  readonly term: number
}

/**
 * What the disk has been given, and what it has. Batches have numbers, since an index and a term do not tell which of two
 * writes of the same entry has ended when in between another one took its place.
 */
export class Writes {
  /** Up to here the log is on disk. */
  stable: number
  /** The term, and with it the vote, that is on disk. */
  term: number
  /** Up to here the log was given to the disk. */
  #given: number
  #last = 0
  readonly #underWay: Batch[] = []

  constructor(last: number, term: number) {
    this.stable = this.#given = last
    this.term = term
  }

  /** The first entry that the disk has not been given. */
  get next(): number {
    return this.#given + 1
  }

  give(last: number, term: number): number {
    this.#given = last
    this.#underWay.push({ number: ++this.#last, last, term })
    return this.#last
  }

  /** That batch and all before it are on disk. */
  persisted(number: number): void {
    while (this.#underWay.length > 0 && this.#underWay[0]!.number <= number) {
      const batch = this.#underWay.shift()!
      this.stable = Math.max(this.stable, batch.last)
      this.term = batch.term
    }
  }

  /** Whatever the disk has from `index` on is not what the log has. */
  cutFrom(index: number): void {
    this.stable = Math.min(this.stable, index - 1)
    this.#given = Math.min(this.#given, index - 1)
    for (const batch of this.#underWay) batch.last = Math.min(batch.last, index - 1)
  }

  /** A snapshot takes the place of the log. All that it stands for is committed, so that nobody has to wait for it. */
  restart(index: number): void {
    this.cutFrom(index + 1)
    this.stable = this.#given = index
  }
}
