import type { Random } from '../core/machine.ts'
import type { Time } from './time.ts'
import type { Trace } from './trace.ts'

export interface Conditions {
  /** One-way delay of a segment in ms, drawn uniformly from [min, max]. Default [1, 5]: a guess at one data centre. */
  latency: readonly [min: number, max: number]
  /**
   * Share of packets that vanish, in [0, 1). Default 0. A channel is a reliable stream, so there it costs a
   * retransmission, and what was sent later waits behind it; a broadcast does not reach that peer at all.
   */
  loss: number
  /** ms until a lost packet is sent again, doubled each time. Default 200: Linux, `TCP_RTO_MIN`. */
  retransmission: number
  /** Bytes per second in each direction of a connection. Default: unlimited. */
  bandwidth: number
  /** Share of writes that arrive in two pieces: a stream keeps no boundaries. Default 0.05, a guess. */
  fragmentation: number
  /** ms after which a connection that cannot get through is reset, and a dial given up. Default 5,000, a guess. */
  timeout: number
}

export const DEFAULT_CONDITIONS: Conditions = {
  latency: [1, 5],
  loss: 0,
  retransmission: 200,
  bandwidth: Number.POSITIVE_INFINITY,
  fragmentation: 0.05,
  timeout: 5_000
}

/** An Ethernet frame's worth of TCP payload. */
const PACKET = 1_460

/** What lies between the hosts: delay, loss, and who is cut off from whom. Hosts are known by their labels. */
export class Medium {
  readonly time: Time
  readonly trace: Trace
  readonly random: Random
  readonly conditions: Conditions
  readonly #cuts = new Set<string>()

  constructor(time: Time, trace: Trace, random: Random, conditions: Conditions) {
    this.time = time
    this.trace = trace
    this.random = random
    this.conditions = conditions
  }

  latency(): number {
    const [min, max] = this.conditions.latency
    return min + this.random() * (max - min)
  }

  loses(): boolean {
    return this.random() < this.conditions.loss
  }

  /** ms that retransmissions add to a segment of so many bytes. */
  retransmissions(bytes: number): number {
    const { loss, retransmission } = this.conditions
    if (loss === 0) return 0
    const hit = 1 - (1 - loss) ** Math.max(1, Math.ceil(bytes / PACKET))
    let delay = 0
    for (let wait = retransmission, chance = hit; this.random() < chance; wait *= 2, chance = loss) delay += wait
    return delay
  }

  /** Cuts or joins two hosts, both directions. Returns whether that changed anything. */
  setCut(a: string, b: string, cut: boolean): boolean {
    const pair = pairOf(a, b)
    if (this.#cuts.has(pair) === cut) return false
    if (cut) this.#cuts.add(pair)
    else this.#cuts.delete(pair)
    this.trace.add(this.time.now, a, b, cut ? 'cut' : 'heal')
    return true
  }

  isCut(a: string, b: string): boolean {
    return this.#cuts.has(pairOf(a, b))
  }
}

/** One key for both directions. */
export function pairOf(a: string, b: string): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`
}
