import { TopicCache } from '../../core/pubsub/cache.ts'
import { PatternTrie } from '../../core/pubsub/trie.ts'

/** What messages are offered to. */
interface Offered {
  readonly pattern: string
  /** True while it slows its publishers. */
  readonly pressing: boolean
  offer(publisher: string, topic: string, bytes: Uint8Array): void
}

interface Group<S> {
  subscriptions: Set<S>
}

/** The subscriptions of this node that have one delivery. */
export class LocalSubscriptions<S extends Offered> {
  readonly #patterns = new PatternTrie<Group<S>>()
  readonly #matches: TopicCache<readonly S[]>
  #generation = 0
  #size = 0

  constructor(topics: number) {
    this.#matches = new TopicCache(topics)
  }

  get size(): number {
    return this.#size
  }

  add(subscription: S): void {
    this.#size++
    this.#generation++
    const group = this.#patterns.get(subscription.pattern)
    if (group === undefined) this.#patterns.set(subscription.pattern, { subscriptions: new Set([subscription]) })
    else group.subscriptions.add(subscription)
  }

  remove(subscription: S): void {
    this.#generation++
    const group = this.#patterns.get(subscription.pattern)
    if (group?.subscriptions.delete(subscription)) this.#size--
    if (group?.subscriptions.size === 0) this.#patterns.delete(subscription.pattern)
  }

  matching(topic: string): readonly S[] {
    const known = this.#matches.get(topic, this.#generation)
    if (known !== undefined) return known
    const found: S[] = []
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

  all(): S[] {
    const all: S[] = []
    for (const { subscriptions } of this.#patterns.values()) all.push(...subscriptions)
    return all
  }
}
