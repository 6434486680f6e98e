import { MeshError } from '../../../protocols/errors.ts'
import { TopicCache } from '../../core/pubsub/cache.ts'
import { PatternTrie } from '../../core/pubsub/trie.ts'
import type { LocalSubscription } from './subscription.ts'

interface Group {
  subscriptions: Set<LocalSubscription>
}

/** The subscriptions of this node. */
export class LocalSubscriptions {
  readonly #patterns = new PatternTrie<Group>()
  readonly #matches: TopicCache<readonly LocalSubscription[]>
  readonly #limit: number
  #generation = 0
  #size = 0

  constructor(topics: number, limit: number) {
    this.#matches = new TopicCache(topics)
    this.#limit = limit
  }

  /** Throws `ERR_LIMIT`. */
  add(subscription: LocalSubscription): void {
    if (this.#size >= this.#limit)
      throw new MeshError('ERR_LIMIT', `more than ${this.#limit} subscriptions on one node`)
    this.#size++
    this.#generation++
    const group = this.#patterns.get(subscription.pattern)
    if (group === undefined) this.#patterns.set(subscription.pattern, { subscriptions: new Set([subscription]) })
    else group.subscriptions.add(subscription)
  }

  remove(subscription: LocalSubscription): void {
    this.#generation++
    const group = this.#patterns.get(subscription.pattern)
    if (group?.subscriptions.delete(subscription)) this.#size--
    if (group?.subscriptions.size === 0) this.#patterns.delete(subscription.pattern)
  }

  matching(topic: string): readonly LocalSubscription[] {
    const known = this.#matches.get(topic, this.#generation)
    if (known !== undefined) return known
    const found: LocalSubscription[] = []
    for (const { subscriptions } of this.#patterns.match(topic, [])) found.push(...subscriptions)
    return this.#matches.set(topic, this.#generation, found)
  }

  /** Offers the message to each subscription that matches and returns how many. Copies `bytes` where they are a `view`. */
  deliver(publisher: string, topic: string, bytes: Uint8Array, view: boolean): number {
    const matching = this.matching(topic)
    if (matching.length === 0) return 0
    const own = view ? bytes.slice() : bytes
    for (const subscription of matching) subscription.offer(publisher, topic, own)
    return matching.length
  }

  all(): LocalSubscription[] {
    const all: LocalSubscription[] = []
    for (const { subscriptions } of this.#patterns.values()) all.push(...subscriptions)
    return all
  }
}
