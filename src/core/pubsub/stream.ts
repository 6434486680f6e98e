import type { Machine, Sink } from '../machine.ts'

/**
 * One publisher's packets on one wide channel, put in order, each once. Gossip reorders, repeats and loses; the numbers
 * tell. A gap is asked back from the publisher; what it cannot give is counted as lost and passed over.
 */
export type StreamInput<P> =
  /** `whole`: this node has joined the channel, so that a number missing is a loss. Otherwise gaps are what it did not want. */
  | { kind: 'packet'; number: number; bytes: number; packet: P; whole: boolean }
  /** The publisher has answered a repair: nothing more comes for these. */
  | { kind: 'skip'; from: number; to: number; lost: number }
  /** Tell when everything up to `number` is delivered or given up. */
  | { kind: 'sync'; number: number; token: number }
  | { kind: 'timer' }

export type StreamEffect<P> =
  | { kind: 'deliver'; packet: P; number: number }
  | { kind: 'duplicate'; packet: P; number: number }
  | { kind: 'repair'; from: number; to: number }
  | { kind: 'lost'; packets: number }
  | { kind: 'synced'; token: number }
  /** Replaces the stream's one timer. */
  | { kind: 'set-timer'; ms: number }

export interface StreamLimits {
  /** ms that the first packet of an unknown stream waits for those it overtook, before they are asked for. 20, a guess. */
  opening: number
  /** ms that a gap may last before it is asked back: most gaps are reordering. 50, a guess. */
  patience: number
  /** Repairs asked for one gap, `patience` × 2ⁿ apart, before it is given up. */
  repairs: number
  /** Packets and bytes held behind a gap. */
  held: { packets: number; bytes: number }
  /** Packets of one repair. */
  repair: number
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = {
  opening: 20,
  patience: 50,
  repairs: 5,
  held: { packets: 512, bytes: 4 * 2 ** 20 },
  repair: 64
}

const MOST_SYNCS = 64

/**
 * A stream first heard of at number n may have been lost from its beginning on, so what lies before n is asked back like
 * any gap: the publisher gives what was meant for this node and nothing older.
 *
 * Invariants: every held number is > `next`; what is below `next` was delivered, skipped, lost or never meant for us.
 */
export class ChannelStream<P> implements Machine<StreamInput<P>, StreamEffect<P>> {
  readonly #limits: StreamLimits
  readonly #held = new Map<number, { packet: P; bytes: number }>()
  #syncs: { number: number; token: number }[] = []
  #heldBytes = 0
  /** The number awaited; 0 until a packet came. */
  #next = 0
  /** Until the first gap is closed: what is missing before the first packet may never have been for us, so it is no loss. */
  #opening = false
  #asked = 0
  #timing = false

  constructor(limits: StreamLimits) {
    this.#limits = limits
  }

  handle(input: StreamInput<P>, _now: number, sink: Sink<StreamEffect<P>>): void {
    if (input.kind === 'packet') this.#packet(input, sink)
    else if (input.kind === 'skip') this.#skip(input, sink)
    else if (input.kind === 'sync') this.#sync(input, sink)
    else this.#timer(sink)
  }

  /** True for a number that was seen: its packet need not even be verified. */
  seen(number: number): boolean {
    return number < this.#next || this.#held.has(number)
  }

  #packet(input: StreamInput<P> & { kind: 'packet' }, sink: Sink<StreamEffect<P>>): void {
    const { number, packet, bytes } = input
    if (this.seen(number)) {
      sink.push({ kind: 'duplicate', packet, number })
      return
    }
    if (this.#next === 0) {
      this.#opening = input.whole
      this.#next = input.whole ? Math.max(1, number - this.#limits.repair) : number
    }
    if (!input.whole && number > this.#next) this.#giveUp(number, 0, sink)
    if (number === this.#next) {
      sink.push({ kind: 'deliver', packet, number })
      this.#next = number + 1
      this.#advance(sink)
      return
    }
    this.#hold(number, packet, bytes, sink)
  }

  #hold(number: number, packet: P, bytes: number, sink: Sink<StreamEffect<P>>): void {
    this.#held.set(number, { packet, bytes })
    this.#heldBytes += bytes
    const { held, opening, patience } = this.#limits
    if (this.#held.size > held.packets || this.#heldBytes > held.bytes) {
      const lowest = this.#lowest()
      this.#giveUp(lowest, lowest - this.#next, sink)
      this.#advance(sink)
    } else if (!this.#timing) {
      this.#timing = true
      sink.push({ kind: 'set-timer', ms: this.#opening ? opening : patience })
    }
  }

  #lowest(): number {
    let lowest = Number.POSITIVE_INFINITY
    for (const number of this.#held.keys()) if (number < lowest) lowest = number
    return lowest
  }

  /** Passes over everything below `number` that is not held; what is held leaves in order. */
  #giveUp(number: number, lost: number, sink: Sink<StreamEffect<P>>): void {
    if (lost > 0 && !this.#opening) sink.push({ kind: 'lost', packets: lost })
    if (this.#held.size > 0) {
      for (const held of [...this.#held.keys()].sort((a, b) => a - b)) {
        if (held >= number) break
        this.#release(held, sink)
      }
    }
    this.#next = Math.max(this.#next, number)
  }

  #release(number: number, sink: Sink<StreamEffect<P>>): boolean {
    const held = this.#held.get(number)
    if (held === undefined) return false
    this.#held.delete(number)
    this.#heldBytes -= held.bytes
    sink.push({ kind: 'deliver', packet: held.packet, number })
    return true
  }

  #advance(sink: Sink<StreamEffect<P>>): void {
    this.#asked = 0
    this.#opening &&= this.#held.size > 0 && !this.#held.has(this.#next)
    while (this.#held.size > 0 && this.#release(this.#next, sink)) this.#next++
    if (this.#syncs.length === 0) return
    const open = this.#syncs.filter(({ number }) => number >= this.#next)
    for (const { number, token } of this.#syncs) if (number < this.#next) sink.push({ kind: 'synced', token })
    this.#syncs = open
  }

  #skip({ from, to, lost }: { from: number; to: number; lost: number }, sink: Sink<StreamEffect<P>>): void {
    if (this.#next === 0 || from > this.#next || to < this.#next) return
    this.#giveUp(to + 1, lost, sink)
    this.#advance(sink)
  }

  #sync({ number, token }: { number: number; token: number }, sink: Sink<StreamEffect<P>>): void {
    // A stream that nothing was heard of has nothing to wait for.
    if (this.#next > number || this.#next === 0) {
      sink.push({ kind: 'synced', token })
      return
    }
    if (this.#syncs.length >= MOST_SYNCS) this.#syncs.shift()
    this.#syncs.push({ number, token })
    if (this.#timing) return
    this.#timing = true
    sink.push({ kind: 'set-timer', ms: this.#limits.patience })
  }

  /** The highest number known to exist. */
  #horizon(): number {
    let highest = 0
    for (const number of this.#held.keys()) if (number > highest) highest = number
    for (const { number } of this.#syncs) if (number >= highest) highest = number + 1
    return highest
  }

  #timer(sink: Sink<StreamEffect<P>>): void {
    this.#timing = false
    if (this.#held.size === 0 && this.#syncs.length === 0) return
    const { patience, repairs, repair } = this.#limits
    const end = Math.min(this.#held.size > 0 ? this.#lowest() : this.#horizon(), this.#horizon())
    if (this.#asked >= repairs) {
      this.#giveUp(end, end - this.#next, sink)
      this.#advance(sink)
    } else {
      sink.push({ kind: 'repair', from: this.#next, to: Math.min(end - 1, this.#next + repair - 1) })
      this.#asked++
    }
    if (this.#held.size === 0 && this.#syncs.length === 0) return
    this.#timing = true
    sink.push({ kind: 'set-timer', ms: patience * 2 ** this.#asked })
  }
}
