/** A member (or one that may become one) that we have a connection with: what was said over it. */
export class Contact {
  readonly peer: string
  /** Steady ms of the last frame received. */
  heardAt: number
  /** The ping that is out. */
  ping: { seq: number; at: number } | undefined
  pingedAt = Number.NEGATIVE_INFINITY
  /** Smoothed round-trip time, ms. */
  rtt: number | undefined
  rttAt = Number.NEGATIVE_INFINITY
  /** Its digest was answered, so it is owed our changes after `sent` and nothing before. */
  synced = false
  /** Our own version that was sent, and that was acknowledged. `acked` never passes `sent`. */
  sent = 0
  acked = 0
  /** Expiry of our own record as it was sent. */
  sentRecord = 0
  /** Steady ms of the last transmission that is to be acknowledged, and of our digest. */
  sentAt = 0
  askedAt = 0
  /** It has no room for us in its view, so it gets no changes until it asks. */
  declined = false
  /** The answer to our digest has been taken in; ours to its digest was acknowledged. */
  received = false
  confirmed = false
  hungUp = false

  constructor(peer: string, steady: number) {
    this.peer = peer
    this.heardAt = steady
  }

  get exchanged(): boolean {
    return this.received && this.confirmed
  }

  /** RFC 6298's smoothing, gain 1/8. */
  measured(rtt: number): void {
    this.rtt = this.rtt === undefined ? rtt : this.rtt + (rtt - this.rtt) / 8
  }
}
