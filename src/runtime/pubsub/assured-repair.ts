import type { NumberedBatch } from '../../../protocols/publish-subscribe/messages.ts'
import type { Clock, Timer } from '../ports.ts'
import type { Inbound, Reached } from './assured-inbound.ts'
import type { AssuredSubscription } from './assured-subscription.ts'
import type { LocalSubscriptions } from './local.ts'
import type { LogGap } from './log/gap-repair.ts'
import { epochOfLife } from './log/stream-replica.ts'

export interface AssuredRepairComponents {
  clock: Clock
  local: LocalSubscriptions<AssuredSubscription>
  inbound(publisher: string): Inbound | undefined
  lost(publisher: string, batches: number | undefined): void
  /** Reads what the subscription misses from logs; resolves with the number up to which it has that. */
  repair(subscription: AssuredSubscription, gap: LogGap): Promise<number>
  /** The stream may go on. */
  repaired(publisher: string): void
}

/** ms until others are asked again what they have of a publisher that is gone: × 2ⁿ, with n at most 10. Guesses. */
const AGAIN = 5_000
const SLOWEST = 10

interface Gone {
  tries: number
  timer: Timer | undefined
}

/**
 * What the streams of publishers have left out is read from logs: from the publisher's when its stream goes on, from others
 * while it is gone. Meanwhile nothing of its stream is taken.
 */
export class AssuredRepair {
  readonly #c: AssuredRepairComponents
  readonly #busy = new Set<string>()
  readonly #gone = new Map<string, Gone>()

  constructor(components: AssuredRepairComponents) {
    this.#c = components
  }

  /** Something of the publisher is being read: what comes by its stream is to come again. */
  busy(publisher: string): boolean {
    return this.#busy.has(publisher)
  }

  /** Whether every subscription has all up to number `to` of the log, from where this frame's stream goes on; else that is read. */
  whole(publisher: string, inbound: Inbound, { epoch, log, began }: NumberedBatch, to: number): boolean {
    const reached = inbound.reached!
    const { ahead } = inbound
    const life = { life: epoch, log, sequence: to, time: this.#c.clock.now() }
    const has = (one: AssuredSubscription) => Math.max(reached.sequence, ahead?.get(one) ?? 0)
    const after = (one: AssuredSubscription) => behind(reached, has(one), life, began)
    const lacking = this.#c.local.all().filter((one) => after(one) < to)
    const done = () => {
      inbound.whole = true
      inbound.reached = life
      const more = reached.life === epoch && Math.max(0, ...(ahead?.values() ?? [])) > to
      if (!more) inbound.ahead = undefined
    }
    // Of a publisher that began anew, its log too, nothing was promised: it is told, and costs no loop its end.
    const other = reached.log !== log
    if (other) this.#c.lost(publisher, undefined)
    if (lacking.length === 0) {
      done()
      return true
    }
    inbound.whole = false
    const known = reached.time
    void this.#work(publisher, async () => {
      // The former log is gone, but for what others have of it.
      if (other) await Promise.all(lacking.map((one) => this.#others(one, publisher, reached, has(one))))
      const ends = await Promise.all(
        lacking.map((one) => this.#c.repair(one, { publisher, epoch: log, after: after(one), to, known }))
      )
      if (ends.every((end) => end >= to)) {
        done()
        return
      }
      // It is gone again.
      inbound.reached = { ...life, sequence: behind(reached, reached.sequence, life, began), time: known }
      inbound.ahead = new Map(this.#c.local.all().map((one) => [one, ends[lacking.indexOf(one)] ?? after(one)]))
    })
    return false
  }

  #others(one: AssuredSubscription, publisher: string, { life, time }: Reached, after: number): Promise<number> {
    return this.#c.repair(one, { publisher, epoch: epochOfLife(life), after, to: undefined, known: time })
  }

  async #work(publisher: string, work: () => Promise<void>): Promise<void> {
    this.#busy.add(publisher)
    await work()
    this.#busy.delete(publisher)
    this.#c.repaired(publisher)
    this.#later(publisher)
  }

  /** A member is gone: what it has published and not sent here others may have received. */
  down(peer: string): void {
    if (this.#c.inbound(peer)?.reached === undefined) return
    this.#gone.set(peer, { tries: 0, timer: undefined })
    this.#seek(peer)
  }

  /** A member lives: it may have more of those that are gone. */
  up(peer: string): void {
    this.#gone.get(peer)?.timer?.cancel()
    this.#gone.delete(peer)
    for (const [publisher, gone] of this.#gone) {
      gone.tries = 0
      this.#seek(publisher)
    }
  }

  #later(publisher: string): void {
    const gone = this.#gone.get(publisher)
    if (gone === undefined) return
    gone.timer?.cancel()
    gone.timer = this.#c.clock.after(AGAIN * 2 ** Math.min(gone.tries++, SLOWEST), () => this.#seek(publisher))
  }

  #seek(publisher: string): void {
    if (this.#busy.has(publisher)) return
    const inbound = this.#c.inbound(publisher)
    if (inbound?.reached === undefined) {
      this.#gone.delete(publisher)
      return
    }
    const { reached, ahead } = inbound
    const all = this.#c.local.all()
    void this.#work(publisher, async () => {
      const has = (one: AssuredSubscription) => Math.max(reached.sequence, ahead?.get(one) ?? 0)
      const ends = await Promise.all(all.map((one) => this.#others(one, publisher, reached, has(one))))
      if (ends.some((end) => end > reached.sequence)) inbound.ahead = new Map(all.map((one, i) => [one, ends[i]!]))
    })
  }

  stop(): void {
    for (const { timer } of this.#gone.values()) timer?.cancel()
    this.#gone.clear()
  }
}

/**
 * What is missing of a log is behind this number. What a former life numbered above `began` its disk has lost: the numbers
 * were given again.
 */
function behind(before: Reached, sequence: number, { life, log }: Reached, began: number): number {
  if (before.log !== log) return 0
  return before.life === life ? sequence : Math.min(sequence, began)
}
