/** A read that may be served from the state machine once `index` is applied (thesis 6.4). */
export interface ReadState {
  /** The driver's own name for it. */
  readonly context: number
  readonly index: number
}

interface Waiting extends ReadState {
  readonly round: number
}

/** A leader's reads, from when they begin until a quorum has said that there is no newer leader. */
export class Reads {
  /** The latest round of heartbeats. */
  round = 0
  /** The next read needs a round of its own: what has left already may have been answered before it began. */
  #gone = true
  /** When the rounds left that are not yet answered by a quorum, the oldest first, as of `#firstRound`. */
  readonly #left: number[] = []
  #firstRound = 1
  /** Monotonic ms when the latest round left that a quorum has answered. */
  #answered = Number.NEGATIVE_INFINITY
  readonly #waiting: Waiting[] = []
  /** Asked before the leader knew what is committed: nothing of its own term was. */
  #early: number[] = []
  confirmed: ReadState[] = []
  abandoned: number[] = []

  /** Whether heartbeats have to leave for a read that begins now. */
  get needsRound(): boolean {
    return this.#gone
  }

  begin(now: number): void {
    this.round++
    this.#left.push(now)
    this.#gone = false
  }

  /** What was sent has left. */
  sealRound(): void {
    this.#gone = true
  }

  tooEarly(context: number): void {
    this.#early.push(context)
  }

  takeEarly(): number[] {
    const early = this.#early
    this.#early = []
    return early
  }

  wait(context: number, index: number): void {
    this.#waiting.push({ context, index, round: this.round })
  }

  confirm(context: number, index: number): void {
    this.confirmed.push({ context, index })
  }

  /** A quorum has answered a round: it follows this leader, or did when the round reached it. */
  answered(round: number): void {
    while (this.#firstRound <= round && this.#left.length > 0) {
      this.#answered = this.#left.shift()!
      this.#firstRound++
    }
    while (this.#waiting.length > 0 && this.#waiting[0]!.round <= round) {
      const { context, index } = this.#waiting.shift()!
      this.confirm(context, index)
    }
  }

  /** Whether a quorum has promised `lease` ms to this leader, which are not over (thesis 6.4.1). */
  holdsLease(now: number, lease: number): boolean {
    return now < this.#answered + lease
  }

  /** Whatever waits is for the next leader to answer. */
  abandon(): void {
    for (const { context } of this.#waiting) this.abandoned.push(context)
    this.abandoned.push(...this.#early)
    this.#waiting.length = 0
    this.#early = []
    this.#left.length = 0
    this.#firstRound = this.round + 1
    this.#answered = Number.NEGATIVE_INFINITY
    this.#gone = true
  }
}
