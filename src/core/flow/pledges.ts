/**
 * The parts of a shared limit that their nodes have pledged to this one, each for a term. A node pledges its part to one
 * owner at a time and keeps to it for longer than the owner counts on it, so whoever believes to be the owner, in however
 * many partitions: the shares of all of them never sum up to more than the parts there are.
 */
export class Pledges {
  readonly #pledges = new Map<string, { sharers: number; until: number }>()
  #share = 0
  #next = Number.POSITIVE_INFINITY

  /** The sum of the parts: 0 to 1. */
  get share(): number {
    return this.#share
  }

  /** When the next one lapses; Infinity where none will. */
  get next(): number {
    return this.#next
  }

  /** The part of `peer`, one of `sharers`, is here until then. */
  set(peer: string, sharers: number, until: number): void {
    this.#pledges.set(peer, { sharers, until })
    this.#sum()
  }

  delete(peer: string): void {
    if (this.#pledges.delete(peer)) this.#sum()
  }

  /** Takes away those whose term is over. */
  lapse(now: number): void {
    for (const [peer, { until }] of this.#pledges) if (until <= now) this.#pledges.delete(peer)
    this.#sum()
  }

  /** Summed up anew each time, so that a share without pledges is 0 and not what rounding has left. */
  #sum(): void {
    let share = 0
    let next = Number.POSITIVE_INFINITY
    for (const { sharers, until } of this.#pledges.values()) {
      share += 1 / sharers
      next = Math.min(next, until)
    }
    this.#share = Math.min(1, share)
    this.#next = next
  }
}
