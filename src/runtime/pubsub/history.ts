import type { Route } from '../../core/pubsub/route.ts'

/** The packets that this node published on wide channels, kept for a while for whoever missed one. */
export interface Kept {
  channel: number
  number: number
  sealed: Uint8Array
  /** Its topics' routes as they were then: for whom it was meant. */
  meant: ReadonlySet<Route>
}

export class History {
  readonly #limits: { packets: number; bytes: number }
  /** In the order of publishing: the oldest goes first. */
  readonly #packets = new Map<string, Kept>()
  #bytes = 0

  constructor(limits: { packets: number; bytes: number }) {
    this.#limits = limits
  }

  keep(kept: Kept): void {
    this.#packets.set(`${kept.channel}/${kept.number}`, kept)
    this.#bytes += kept.sealed.length
    for (const [key, oldest] of this.#packets) {
      if (this.#packets.size <= this.#limits.packets && this.#bytes <= this.#limits.bytes) break
      this.#packets.delete(key)
      this.#bytes -= oldest.sealed.length
    }
  }

  get(channel: number, number: number): Kept | undefined {
    return this.#packets.get(`${channel}/${number}`)
  }
}
