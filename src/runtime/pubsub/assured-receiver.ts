import { Way } from '../../../protocols/causality/constants.ts'
import {
  decodeNumbered,
  encodeAcknowledgement,
  encodeTaken,
  readBatch
} from '../../../protocols/publish-subscribe/codec.ts'
import { FRAME } from '../../../protocols/publish-subscribe/constants.ts'
import type { NumberedBatch } from '../../../protocols/publish-subscribe/messages.ts'
import { covers } from '../../core/pubsub/pattern.ts'
import type { RecentLimits } from '../../core/pubsub/recent.ts'
import type { Link } from '../links/types.ts'
import type { Clock } from '../ports.ts'
import type { PublicationArrivals } from './arrivals.ts'
import type { Inbound } from './assured-inbound.ts'
import { AssuredRepair } from './assured-repair.ts'
import type { AssuredSubscription } from './assured-subscription.ts'
import type { LocalSubscriptions } from './local.ts'
import type { LogGap } from './log/gap-repair.ts'
import { StreamReplica } from './log/stream-replica.ts'
import type { ReadableLog } from './log/types.ts'
import type { Pressure } from './pressure.ts'
import type { PubSubStats } from './types.ts'

export interface AssuredReceiverComponents {
  clock: Clock
  local: LocalSubscriptions<AssuredSubscription>
  pressure: Pressure
  stats: PubSubStats
  arrivals: PublicationArrivals
  /** Publishers whose streams are remembered. */
  publishers: number
  lost(publisher: string, batches: number | undefined): void
  /** Reads from logs what the stream has not brought; resolves with the number up to which the subscription has that. */
  repair(subscription: AssuredSubscription, gap: LogGap): Promise<number>
  /** What is kept of each publisher for others. */
  replica: RecentLimits
}

/** Bytes that are kept for others of all publishers together. A guess. */
const MOST_KEPT = 16 * 2 ** 20

/**
 * Numbered batches of each publisher, put into the at-least-once subscriptions in order, each once while the publisher's
 * stream is remembered. Says once a turn how far it is: received at once, taken when no subscription is too slow for it.
 */
export class AssuredReceiver {
  readonly #c: AssuredReceiverComponents
  /** The one heard longest ago first. */
  readonly #inbound = new Map<string, Inbound>()
  readonly #due = new Set<string>()
  /** Bytes that are kept for others. */
  #keptBytes = 0
  readonly repair: AssuredRepair

  constructor(components: AssuredReceiverComponents) {
    this.#c = components
    const { clock, local, lost, repair } = components
    this.repair = new AssuredRepair({
      ...{ clock, local, lost, repair },
      inbound: (publisher) => this.#inbound.get(publisher),
      repaired: (publisher) => this.#tell(publisher)
    })
    components.arrivals.onRelieved = () => this.relieved()
  }

  frame(link: Link, body: Uint8Array): void {
    const numbered = decodeNumbered(body)
    const inbound = this.#stream(link, numbered)
    if (inbound === undefined) return
    const { number, token, batch } = numbered
    this.#tell(link.peer)
    const awaited = inbound.next
    if (!this.#ready(link.peer, inbound, numbered)) return
    // Where it has come from others it is only counted.
    const reached =
      number === awaited && inbound.next === awaited ? this.#deliver(link.peer, inbound, batch) : this.#count(batch)
    if (token !== 0) {
      link.send(FRAME.acknowledgement, encodeAcknowledgement({ token, subscribers: reached }), false)
    }
  }

  /** The stream of the batch; undefined for one that was left for a later one. */
  #stream(link: Link, { epoch, stream, lowest }: NumberedBatch): Inbound | undefined {
    const { peer } = link
    let known = this.#inbound.get(peer)
    if (known !== undefined && (known.epoch - epoch || known.stream - stream) > 0) return undefined
    if (known === undefined || known.epoch !== epoch || known.stream !== stream) {
      const { reached, ahead } = known ?? { reached: undefined, ahead: undefined }
      if (known !== undefined) this.#keep(known, undefined)
      known = { epoch, stream, next: lowest, taken: lowest - 1, link, whole: false, reached, ahead, kept: undefined }
    } else if (lowest > known.next) {
      known.next = lowest
      known.whole = false
    }
    known.link = link
    this.#inbound.delete(peer)
    this.#inbound.set(peer, known)
    if (this.#inbound.size > this.#c.publishers) this.#forget(this.#inbound.keys().next().value!)
    return known
  }

  /** Whether the batch goes to the subscriptions: it is in its place, and they have all that was before it. */
  #ready(publisher: string, inbound: Inbound, numbered: NumberedBatch): boolean {
    const { number, before, last, interest, epoch } = numbered
    if (number > inbound.next || this.repair.busy(publisher)) return false
    if (number < inbound.next - 1) return true
    if (!inbound.whole) {
      if (inbound.reached === undefined) this.#begin(inbound, numbered)
      else if (!this.repair.whole(publisher, inbound, numbered, before)) return false
      this.#keep(inbound, new StreamReplica(this.#c.replica, epoch, before))
    }
    inbound.kept?.knows(interest, before)
    if (number < inbound.next) return true
    if (inbound.ahead !== undefined && Math.max(...inbound.ahead.values()) > before) {
      // Some have it from others: the rest of it is read for each that lacks it.
      if (!this.repair.whole(publisher, inbound, numbered, last)) return false
      inbound.next++
      this.#keep(inbound, new StreamReplica(this.#c.replica, epoch, last))
      return true
    }
    this.#reach(inbound, numbered)
    return true
  }

  #begin(inbound: Inbound, { epoch, log, before }: NumberedBatch): void {
    inbound.whole = true
    inbound.reached = { life: epoch, log, sequence: before, time: this.#c.clock.now() }
  }

  #reach({ reached, kept }: Inbound, numbered: NumberedBatch): void {
    const time = this.#c.clock.now()
    reached!.life = numbered.epoch
    reached!.log = numbered.log
    reached!.sequence = numbered.last
    reached!.time = time
    if (kept === undefined) return
    const before = kept.bytes
    kept.extend(numbered, time)
    this.#keptBytes += kept.bytes - before
    if (this.#keptBytes > MOST_KEPT) this.#spare()
  }

  #keep(inbound: Inbound, kept: StreamReplica | undefined): void {
    this.#keptBytes -= inbound.kept?.bytes ?? 0
    inbound.kept = kept
  }

  /** What was kept for others of whom was heard longest ago goes first. */
  #spare(): void {
    for (const { kept } of this.#inbound.values()) {
      while (kept !== undefined && kept.bytes > 0 && this.#keptBytes > MOST_KEPT) {
        const before = kept.bytes
        kept.drop()
        this.#keptBytes += kept.bytes - before
      }
    }
  }

  /** What the stream of that life has brought of the publisher, where nothing that matches is left out. */
  replica(publisher: string, pattern: string, epoch: number): ReadableLog | undefined {
    const kept = this.#inbound.get(publisher)?.kept
    if (kept?.epoch !== epoch) return undefined
    const interests = this.#c.local.all().filter((one) => one.interest > 0 && covers(one.pattern, pattern))
    return interests.length === 0 ? undefined : kept.read(Math.min(...interests.map((one) => one.interest)))
  }

  #deliver(publisher: string, inbound: Inbound, batch: Uint8Array): number {
    inbound.next++
    return this.#c.arrivals.batch(Way.assured, publisher, batch, this.#c.local)
  }

  /** Sent again, since our answer may be lost: how many it has reached. */
  #count(batch: Uint8Array): number {
    let reached = 0
    readBatch(batch, (topic) => {
      reached += this.#c.local.matching(topic).length
    })
    if (batch.length > 0) this.#c.stats.duplicates++
    return reached
  }

  #tell(publisher: string): void {
    this.#due.add(publisher)
    if (this.#due.size === 1) this.#c.clock.endOfTurn(() => this.#answer())
  }

  #answer(): void {
    for (const publisher of this.#due) {
      const inbound = this.#inbound.get(publisher)
      if (inbound === undefined || inbound.link.closed) continue
      const received = inbound.next - 1
      if (this.#mayTake(publisher)) inbound.taken = received
      const { epoch, stream, taken, link } = inbound
      try {
        link.send(FRAME.taken, encodeTaken({ epoch, stream, received, taken }), false)
      } catch {
        // The publisher will ask.
      }
    }
    this.#due.clear()
  }

  /** Some subscription has room again: the publishers that it had slowed may go on. */
  relieved(): void {
    for (const [publisher, { next, taken }] of this.#inbound) {
      if (taken < next - 1 && this.#mayTake(publisher)) this.#tell(publisher)
    }
  }

  /** What waits for its turn in the causal order has not found room yet: its publisher would take it for handed out. */
  #mayTake(publisher: string): boolean {
    return !this.#c.pressure.on(publisher) && !this.#c.arrivals.holds(publisher)
  }

  /** The first subscription comes: what it misses of the past is no gap. */
  forget(): void {
    this.repair.stop()
    for (const publisher of [...this.#inbound.keys()]) this.#forget(publisher)
  }

  #forget(publisher: string): void {
    this.#keep(this.#inbound.get(publisher)!, undefined)
    this.#inbound.delete(publisher)
  }
}
