import { validateTopic } from '../../../core/pubsub/topic.ts'
import { type Sequenced, SequenceReader } from '../../ordering/sequence-reader.ts'
import { topicOf } from '../../ordering/sequences.ts'
import type { Clock } from '../../ports.ts'
import type { Store } from '../../storage/types.ts'
import type { LocalSubscriptions } from '../local.ts'
import type { LocalSubscription } from '../subscription.ts'
import type { PubSubStats, SubscribeOptions } from '../types.ts'
import { OrderedCursors } from './cursors.ts'
import { gapEvent, OrderedFeed } from './ordered-feed.ts'
import type { OrderedSubscription } from './ordered-subscription.ts'
import { patiently } from './patience.ts'
import type { OrderedEvent, PublicationOrdering } from './types.ts'

export interface OrderedSubscriptionsParts {
  readonly clock: Clock
  readonly ordering: PublicationOrdering
  readonly local: LocalSubscriptions<LocalSubscription>
  readonly stats: PubSubStats
  /** ms between two writes of how far a durable subscription is. */
  readonly linger: number
  /** How many subscriptions of this node want the topic. */
  count(topic: string): number
  acknowledge(publisher: string, token: number, subscribers: number): void
  emit(event: OrderedEvent): void
}

/**
 * What groups have put in order, for the subscriptions of this node. Whatever drops what it has no room for shares one reader
 * of each group; who takes things at its own pace has readers of its own, and holds up nobody. Groups are read while there
 * is anybody to read for.
 */
export class OrderedSubscriptions {
  readonly #c: OrderedSubscriptionsParts
  readonly #shared = new Map<string, SequenceReader>()
  readonly #feeds = new Map<OrderedSubscription, OrderedFeed>()
  readonly #all = new Set<OrderedSubscription>()
  #store: Store | undefined
  #stopped = false

  constructor(parts: OrderedSubscriptionsParts) {
    this.#c = parts
    parts.ordering.groups.onOpened((group) => this.#opened(group))
  }

  /** Where durable subscriptions keep how far they are. */
  open(store: Store): void {
    this.#store = store
  }

  /** Resolves once nothing that is published later is missed, or it was said that it may be; undefined where there is no group. `ERR_STORAGE`. */
  join(subscription: OrderedSubscription, { durable, name, from }: SubscribeOptions): Promise<unknown> | undefined {
    const { clock, ordering, linger, emit } = this.#c
    this.#all.add(subscription)
    if (subscription.paced) {
      const cursors = durable ? new OrderedCursors(this.#store!, subscription.owner, name!) : undefined
      const parts = { clock, ordering, subscription, cursors, linger, emit }
      this.#feeds.set(subscription, new OrderedFeed({ ...parts, from: from === 'start' ? from : 'now' }))
    }
    const { paced, owner, pattern } = subscription
    // The shared reader answers whoever asks how many were reached, for all.
    const reading = [...ordering.groups.names].flatMap((group) => [
      patiently(this.#share(group).ready, clock, () => {
        if (!paced) emit({ kind: 'sequence-unread', group, owner, pattern })
      }),
      this.#feeds.get(subscription)?.read(group)
    ])
    return reading.length === 0 ? undefined : Promise.all(reading)
  }

  /** Resolves once how far it was is on disk, where it is durable. `ERR_STORAGE`. */
  async leave(subscription: OrderedSubscription): Promise<void> {
    const feed = this.#feeds.get(subscription)
    this.#feeds.delete(subscription)
    this.#all.delete(subscription)
    if (this.#all.size === 0) this.#stopShared()
    await feed?.close()
  }

  /** What is remembered of it. `ERR_STORAGE`. */
  async forget({ owner }: OrderedSubscription, name: string): Promise<void> {
    await new OrderedCursors(this.#store!, owner, name).forget()
  }

  stop(): void {
    this.#stopped = true
    this.#stopShared()
  }

  #opened(group: string): void {
    if (this.#all.size === 0 || this.#stopped) return
    this.#share(group, false)
    // What cannot be remembered now is tried again with what comes.
    for (const feed of this.#feeds.values()) void feed.read(group, false).catch(() => {})
  }

  #share(group: string, awaited = true): SequenceReader {
    let reader = this.#shared.get(group)
    if (reader !== undefined) return reader
    const { clock, ordering, local, emit } = this.#c
    reader = new SequenceReader({
      ...{ clock, client: ordering.groups.find(group)!, from: undefined, awaited },
      open: () => true,
      begins: () => {},
      hand: (sequenced) => this.#hand(sequenced),
      missing: (missing) => {
        const topic = topicOf(missing.sequence)
        const concerned = (topic === undefined ? local.all() : local.matching(topic)).some(({ paced }) => !paced)
        if (concerned) emit(gapEvent(group, missing, '', topic ?? '>'))
      },
      passed: () => {}
    })
    this.#shared.set(group, reader)
    return reader
  }

  #stopShared(): void {
    for (const reader of this.#shared.values()) reader.stop()
    this.#shared.clear()
  }

  #hand({ number, publication }: Sequenced): void {
    const { local, ordering, stats, count, acknowledge } = this.#c
    const { topic, publisher, token, bytes } = publication
    if (!isTopic(topic)) return
    const wanting = local.matching(topic).filter(({ paced }) => !paced)
    if (wanting.length > 0) {
      const numbered = ordering.number(bytes, number)
      for (const subscription of wanting) subscription.offer(publisher, topic, numbered)
      stats.delivered += wanting.length
    }
    const subscribers = token === 0 ? 0 : count(topic)
    if (subscribers > 0) acknowledge(publisher, token, subscribers)
  }
}

function isTopic(topic: string): boolean {
  try {
    validateTopic(topic)
    return true
  } catch {
    return false
  }
}
