import type { Medium } from './medium.ts'

interface Segment {
  arrivesAt: number
  arrive: () => void
}

/**
 * One direction of a connection. Segments arrive in the order in which they were sent, whatever the delay of each: a
 * lost one holds up all that come after it. While the ends are cut off from each other nothing arrives.
 */
export class Pipe {
  readonly #medium: Medium
  readonly #from: string
  readonly #to: string
  /** In flight, oldest first; the head alone is scheduled, unless the pipe is stalled. */
  #flight: Segment[] = []
  #lastArrival = 0
  #busyUntil = 0
  #stalled = false
  #refusing = false

  constructor(medium: Medium, from: string, to: string) {
    this.#medium = medium
    this.#from = from
    this.#to = to
  }

  send(bytes: number, arrive: () => void): void {
    if (this.#refusing) return
    const medium = this.#medium
    const leaves = Math.max(medium.time.now, this.#busyUntil) + (bytes / medium.conditions.bandwidth) * 1_000
    this.#busyUntil = leaves
    this.#lastArrival = Math.max(this.#lastArrival, leaves + medium.latency() + medium.retransmissions(bytes))
    this.#flight.push({ arrivesAt: this.#lastArrival, arrive })
    if (this.#flight.length === 1 && !this.#stalled) this.#schedule(this.#lastArrival)
  }

  /** The cut is healed: what was stuck is retransmitted. */
  recover(): void {
    if (!this.#stalled) return
    this.#stalled = false
    const { time, conditions } = this.#medium
    if (this.#flight.length > 0) this.#schedule(time.now + conditions.retransmission + this.#medium.latency())
  }

  /** Takes nothing more; what is in flight still arrives. */
  refuse(): void {
    this.#refusing = true
  }

  /** Takes nothing more, and nothing that is in flight arrives. */
  shut(): void {
    this.#refusing = true
    this.#flight = []
  }

  #schedule(time: number): void {
    const head = this.#flight[0]!
    this.#medium.time.at(time, () => this.#deliver(head))
  }

  #deliver(segment: Segment): void {
    if (this.#flight[0] !== segment) return
    if (this.#medium.isCut(this.#from, this.#to)) {
      this.#stalled = true
      return
    }
    this.#flight.shift()
    const next = this.#flight[0]
    if (next !== undefined) this.#schedule(next.arrivesAt)
    segment.arrive()
  }
}
