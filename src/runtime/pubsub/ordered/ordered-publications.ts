import type { Message } from '../../../../protocols/envelope/message.ts'
import { encodeAcknowledgement } from '../../../../protocols/publish-subscribe/codec.ts'
import { FRAME } from '../../../../protocols/publish-subscribe/constants.ts'
import type { Membership } from '../../membership/types.ts'
import { groupEntry } from '../../ordering/sequences.ts'
import type { Clock } from '../../ports.ts'
import type { Store } from '../../storage/types.ts'
import type { Coalescer } from '../../telemetry/coalesce.ts'
import type { Acknowledgements } from '../acknowledgements.ts'
import type { AssuredSubscription } from '../assured-subscription.ts'
import type { InterestView } from '../interest.ts'
import type { LocalSubscriptions } from '../local.ts'
import type { Outbound } from '../outbound.ts'
import type { Publisher } from '../publisher.ts'
import type { LocalSubscription } from '../subscription.ts'
import type { Evidence, PublishOptions, PubSubEvent, PubSubLimits, PubSubStats, SubscribeOptions } from '../types.ts'
import { OrderedPublisher } from './ordered-publisher.ts'
import type { OrderedSubscription } from './ordered-subscription.ts'
import { OrderedSubscriptions } from './ordered-subscriptions.ts'
import type { PublicationOrdering } from './types.ts'

/** ms after which a subscription is announced though no group has said where it begins. A guess: some round trips. */
const ANNOUNCED = 500

interface OrderedPublicationsParts {
  readonly self: string
  readonly clock: Clock
  readonly ordering: PublicationOrdering
  readonly local: LocalSubscriptions<LocalSubscription>
  readonly assuredLocal: LocalSubscriptions<AssuredSubscription>
  readonly acknowledgements: Acknowledgements
  readonly outbound: Outbound
  readonly publisher: Publisher
  readonly stats: PubSubStats
  readonly limits: PubSubLimits
  readonly view: InterestView
  readonly membership: Pick<Membership, 'member'>
  readonly coalescer: Coalescer
  emit(event: PubSubEvent): void
}

/** Publish-subscribe in total order: what is published stands in a group's log, and all who want it read it there. */
export class OrderedPublications {
  readonly publisher: OrderedPublisher
  readonly #parts: OrderedPublicationsParts
  readonly #subscriptions: OrderedSubscriptions

  constructor(parts: OrderedPublicationsParts) {
    this.#parts = parts
    const { self, clock, ordering, local, assuredLocal, stats, limits, emit } = parts
    this.publisher = new OrderedPublisher(self, ordering, (topic, group) => this.#tellUnread(topic, group))
    this.#subscriptions = new OrderedSubscriptions({
      ...{ clock, ordering, local, stats, emit, linger: limits.log.cursor },
      count: (topic) => local.matching(topic).length + assuredLocal.matching(topic).length,
      acknowledge: (publisher, token, subscribers) => this.#acknowledge(publisher, token, subscribers)
    })
  }

  open(store: Store): void {
    this.#subscriptions.open(store)
  }

  /** Resolves once a majority has it: whoever wants it will get it. */
  async publish(message: Message, options: PublishOptions): Promise<Evidence> {
    const { publisher, stats } = this.#parts
    const publication = publisher.encode(message)
    const sequence = await this.publisher.publish(message, publication, 0, options)
    stats.published++
    const { topic } = publication
    const subscribers = publisher.known(topic)
    return { id: message.id, topic, path: 'group', sequence, subscribers, peers: [], acknowledged: false }
  }

  /**
   * Resolves once nothing that a group orders later is missed, and what `announce` gave has. Who publishes is told of the
   * subscription once it reads, and counts on it; or soon in any case: other publications wait for no group.
   */
  async join(
    subscription: OrderedSubscription,
    options: SubscribeOptions,
    announce: () => Promise<void>
  ): Promise<void> {
    const reading = this.#subscriptions.join(subscription, options)
    if (reading === undefined) return announce()
    const { promise: soon, resolve } = Promise.withResolvers<void>()
    const timer = this.#parts.clock.after(ANNOUNCED, resolve)
    const announced = Promise.race([reading, soon]).then(announce)
    try {
      await Promise.all([announced, reading])
    } finally {
      timer.cancel()
    }
  }

  leave(subscription: OrderedSubscription): Promise<void> {
    return this.#subscriptions.leave(subscription)
  }

  forget(subscription: OrderedSubscription, name: string): Promise<void> {
    return this.#subscriptions.forget(subscription, name)
  }

  stop(): void {
    this.#subscriptions.stop()
  }

  /** Who wants the topic and has not opened the group reads nothing of it. */
  #tellUnread(topic: string, group: string): void {
    const { view, membership, coalescer, emit } = this.#parts
    const entry = groupEntry(group)
    for (const { peer } of [...view.table.match(topic), ...view.assuredOf(topic)]) {
      if (membership.member(peer)?.entries.has(entry) !== false) continue
      coalescer.note(`unread ${group} ${peer}`, 0, (frames) =>
        emit({ kind: 'undelivered', peer, reason: `it has not opened the group ${group}`, frames })
      )
    }
  }

  #acknowledge(publisher: string, token: number, subscribers: number): void {
    const { self, acknowledgements, outbound } = this.#parts
    if (publisher === self) acknowledgements.answer(self, token, subscribers)
    else outbound.signal(publisher, FRAME.acknowledgement, encodeAcknowledgement({ token, subscribers }))
  }
}
