/** One caller's request for tokens. */
export interface Request {
  readonly ticket: number
  readonly key: string
  readonly tokens: number
  /** Waits for them; else it is refused once the owner has none for it. */
  readonly wait: boolean
}

/** ms over which past demand fades, and the share of it that is asked for ahead: what a tenth of a second takes. Guesses. */
const FADING = 1_000
const AHEAD = 0.1

/**
 * What is wanted of one key here: the requests that wait, in their order, and the tokens that were leased for them.
 * A small request never passes a large one, so that none starves.
 */
export class Demand {
  readonly line: Request[] = []
  /** The ask that is not answered yet: its stamp, whom it went to, and the last ticket that it is for. */
  asked: { at: number; of: string; last: number } | undefined
  /** Whole tokens that the owner had left when it last answered. */
  remaining = 0
  #leases: { tokens: number; until: number }[] = []
  #spent = 0
  #spentAt = 0

  /** Nothing waits and nothing is held. */
  idle(now: number): boolean {
    return this.line.length === 0 && this.held(now) === 0
  }

  lease(tokens: number, until: number): void {
    if (tokens > 0) this.#leases.push({ tokens, until })
  }

  /** Tokens leased and not lapsed. */
  held(now: number): number {
    if (this.#leases.some(({ until }) => until <= now)) this.#leases = this.#leases.filter(({ until }) => until > now)
    return this.#leases.reduce((sum, { tokens }) => sum + tokens, 0)
  }

  /** Takes leased tokens, those first that lapse first. */
  spend(tokens: number, now: number): boolean {
    if (this.held(now) < tokens) return false
    let rest = tokens
    this.#leases.sort((a, b) => a.until - b.until)
    for (const lease of this.#leases) {
      const part = Math.min(rest, lease.tokens)
      lease.tokens -= part
      rest -= part
    }
    this.#leases = this.#leases.filter((lease) => lease.tokens > 0)
    this.#spent = this.#spent * Math.exp((this.#spentAt - now) / FADING) + tokens
    this.#spentAt = now
    return true
  }

  /** Tokens that will be wanted soon, if what was wanted lately is a guide. */
  ahead(now: number): number {
    return Math.floor(this.#spent * Math.exp((this.#spentAt - now) / FADING) * AHEAD)
  }
}
