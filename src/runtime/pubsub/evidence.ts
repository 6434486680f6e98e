import type { Message } from '../../../protocols/envelope/message.ts'
import { Roster } from '../../core/delivery/roster.ts'
import type { Clock } from '../ports.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import type { AssuredSubscription } from './assured-subscription.ts'
import type { InterestView } from './interest.ts'
import type { LocalSubscriptions } from './local.ts'
import { isOrdered, type OrderedPublisher } from './ordered/ordered-publisher.ts'
import type { Publication, Publisher } from './publisher.ts'
import { Reach } from './reach.ts'
import type { LocalSubscription } from './subscription.ts'
import type { Evidence, PublishOptions } from './types.ts'

export interface EvidenceComponents {
  self: string
  clock: Clock
  view: InterestView
  local: LocalSubscriptions<LocalSubscription>
  assuredLocal: LocalSubscriptions<AssuredSubscription>
  acknowledgements: Acknowledgements
  publisher: Publisher
  ordered: OrderedPublisher | undefined
  grace: number
}

/** The specification's request time-out. */
const TIMEOUT = 5_000

/** Publications that wait for subscribers and for their acknowledgements. */
export class EvidenceDesk {
  readonly #c: EvidenceComponents
  readonly #waiting = new Set<() => void>()
  readonly #open = new Roster<Reach>()

  constructor(components: EvidenceComponents) {
    this.#c = components
  }

  /** Interest changed, here or elsewhere. */
  changed(): void {
    for (const look of [...this.#waiting]) look()
  }

  async publish(message: Message, wanted: number, options: PublishOptions): Promise<Evidence> {
    const { clock, publisher, grace } = this.#c
    const { timeout = TIMEOUT, signal } = options
    const publication = publisher.encode(message)
    const { topic } = publication
    const reach = new Reach(message.id, topic, wanted, clock, grace)
    const expire = () => reach.fail(reach.late, `${topic} had not reached ${wanted} subscriptions within ${timeout} ms`)
    const timer = clock.after(timeout, expire)
    this.#open.add(reach)
    const abort = () => reach.fail('ERR_ABORTED', 'the publication was aborted', signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    try {
      const { promise } = reach.settled
      if (publisher.known(topic) < wanted) await Promise.race([this.#subscribers(topic, wanted, promise), promise])
      if (isOrdered(message)) await this.#askOrdered(reach, message, publication, options, timeout)
      else await this.#ask(reach, publication, options, timeout)
      return await reach.settled.promise
    } finally {
      this.#open.delete(reach)
      timer.cancel()
      reach.end()
      signal?.removeEventListener('abort', abort)
    }
  }

  stop(): void {
    for (const reach of this.#open.values()) reach.fail('ERR_STOPPED', 'publish-subscribe is stopped')
  }

  /** Resolves once so many subscriptions are known; forgotten once `settled`. */
  #subscribers(topic: string, wanted: number, settled: Promise<unknown>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      if (this.#c.publisher.known(topic) < wanted) return
      this.#waiting.delete(look)
      resolve()
    }
    this.#waiting.add(look)
    const forget = () => void this.#waiting.delete(look)
    settled.then(forget, forget)
    return promise
  }

  /** Whoever reads it in the group's log says to how many it went there, this node included. */
  async #askOrdered(
    reach: Reach,
    message: Message,
    publication: Publication,
    options: PublishOptions,
    ms: number
  ): Promise<void> {
    const { acknowledgements, view, self, ordered } = this.#c
    const { topic } = publication
    const interested = [...view.table.match(topic), ...view.assuredOf(topic)].map(({ peer }) => peer)
    const peers = new Set([self, ...interested])
    let left = peers.size
    const token = acknowledgements.ask(peers, (peer, many) => reach.heard(peer, many, --left))
    try {
      reach.late = 'ERR_NO_QUORUM'
      const committed = ordered!.publish(message, publication, token, { ...options, timeout: ms })
      // Whoever has it may say so before whoever leads does: it is committed then, and its number is on its way.
      await Promise.race([committed, reach.settled.promise])
      reach.evidence.sequence = await committed
      reach.late = 'ERR_TIMEOUT'
      reach.sent(self, 0, 'group', left)
      await reach.settled.promise
    } finally {
      acknowledgements.forget(token)
    }
  }

  async #ask(reach: Reach, publication: Publication, options: PublishOptions, ms: number): Promise<void> {
    const { topic } = publication
    const { acknowledgements, publisher, view, self } = this.#c
    const once = view.table.match(topic).map(({ peer }) => peer)
    const assured = view.assuredOf(topic).map(({ peer }) => peer)
    let left = once.length + assured.length
    const heard = (peer: string, subscribers: number) => reach.heard(peer, subscribers, --left)
    const tokens = { once: acknowledgements.ask(once, heard), assured: acknowledgements.ask(assured, heard) }
    try {
      const handed = await Promise.race([
        publisher.submit(publication, tokens, { ...options, timeout: ms }),
        reach.settled.promise
      ])
      if (!('local' in handed)) return
      reach.sent(self, handed.local, handed.path, left)
      await reach.settled.promise
    } finally {
      acknowledgements.forget(tokens.once)
      acknowledgements.forget(tokens.assured)
    }
  }
}
