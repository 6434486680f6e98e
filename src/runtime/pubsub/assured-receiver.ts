import { Way } from '../../../protocols/causality/constants.ts'
import {
  decodeNumbered,
  encodeAcknowledgement,
  encodeTaken,
  readBatch
} from '../../../protocols/publish-subscribe/codec.ts'
import { FRAME } from '../../../protocols/publish-subscribe/constants.ts'
import type { NumberedBatch } from '../../../protocols/publish-subscribe/messages.ts'
import type { Link } from '../links/types.ts'
import type { Clock } from '../ports.ts'
import type { PublicationArrivals } from './arrivals.ts'
import type { AssuredSubscription } from './assured-subscription.ts'
import type { LocalSubscriptions } from './local.ts'
import type { LogGap } from './log/gap-repair.ts'
import type { Pressure } from './pressure.ts'
import type { PubSubStats } from './types.ts'

/** A place in a publisher's log up to which everything wanted here has come. */
interface Reached {
  /** The publisher's life. */
  life: number
  log: number
  sequence: number
  /** Wall-clock ms. */
  time: number
}

interface Inbound {
  epoch: number
  stream: number
  /** The number awaited. */
  next: number
  /** What came before `next` is, or is to be, accounted for. */
  whole: boolean
  /** Undefined until the first batch. */
  reached: Reached | undefined
  taken: number
  /** The last one that a frame came over. */
  link: Link
}

export interface AssuredReceiverComponents {
  clock: Clock
  local: LocalSubscriptions<AssuredSubscription>
  pressure: Pressure
  stats: PubSubStats
  arrivals: PublicationArrivals
  /** Publishers whose streams are remembered. */
  publishers: number
  lost(publisher: string, batches: number | undefined): void
  /** Reads from logs what the stream has not brought. */
  repair(subscriptions: readonly AssuredSubscription[], gap: LogGap): Promise<void>
}

/**
 * Numbered batches of each publisher, put into the at-least-once subscriptions in order, each once while the publisher's
 * stream is remembered. Says once a turn how far it is: received at once, taken when no subscription is too slow for it.
 */
export class AssuredReceiver {
  readonly #c: AssuredReceiverComponents
  /** The one heard longest ago first. */
  readonly #inbound = new Map<string, Inbound>()
  readonly #due = new Set<string>()
  /** Publishers of whose streams something is being read from logs: what comes by the stream comes again. */
  readonly #repairing = new Set<string>()

  constructor(components: AssuredReceiverComponents) {
    this.#c = components
    components.arrivals.onRelieved = () => this.relieved()
  }

  frame(link: Link, body: Uint8Array): void {
    const numbered = decodeNumbered(body)
    const inbound = this.#stream(link, numbered)
    if (inbound === undefined) return
    const { number, token, batch } = numbered
    this.#tell(link.peer)
    if (number > inbound.next || this.#repairing.has(link.peer)) return
    if (!inbound.whole && number >= inbound.next - 1 && !this.#account(link.peer, inbound, numbered)) return
    if (number === inbound.next) this.#reach(inbound, numbered)
    const reached = number === inbound.next ? this.#deliver(link.peer, inbound, batch) : this.#count(batch)
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
      known = { epoch, stream, next: lowest, taken: lowest - 1, link, whole: false, reached: known?.reached }
    } else if (lowest > known.next) {
      known.next = lowest
      known.whole = false
    }
    known.link = link
    this.#inbound.delete(peer)
    this.#inbound.set(peer, known)
    if (this.#inbound.size > this.#c.publishers) this.#inbound.delete(this.#inbound.keys().next().value!)
    return known
  }

  #reach({ reached }: Inbound, { epoch, log, last }: NumberedBatch): void {
    if (reached === undefined) return
    reached.life = epoch
    reached.log = log
    reached.sequence = last
    reached.time = this.#c.clock.now()
  }

  /** The stream begins, or has left something out: false where that is read from logs before it goes on. */
  #account(publisher: string, inbound: Inbound, { epoch, log, began, before }: NumberedBatch): boolean {
    const { reached } = inbound
    const after = reached === undefined ? before : behind(reached, epoch, log, began)
    // Of a publisher that began anew, its log too, nothing was promised: it is told, and costs no loop its end.
    if (reached !== undefined && reached.log !== log) this.#c.lost(publisher, undefined)
    inbound.whole = true
    inbound.reached = { life: epoch, log, sequence: before, time: this.#c.clock.now() }
    if (after >= before) return true
    const gap = { publisher, epoch: log, after, to: before, known: reached?.time ?? 0 }
    this.#repairing.add(publisher)
    void this.#c.repair(this.#c.local.all(), gap).then(() => {
      this.#repairing.delete(publisher)
      this.#tell(publisher)
    })
    return false
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
    this.#inbound.clear()
  }
}

/** What is missing of the log is behind this number. What a former life numbered above `began` its disk has lost: the numbers were given again. */
function behind(reached: Reached, life: number, log: number, began: number): number {
  if (reached.log !== log) return 0
  return reached.life === life ? reached.sequence : Math.min(reached.sequence, began)
}
