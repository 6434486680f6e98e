import { TopicCache } from '../../core/pubsub/cache.ts'
import { chooseRoute, type Route, type Targets } from '../../core/pubsub/route.ts'
import { channelOf, validateTopic } from '../../core/pubsub/topic.ts'
import type { Clock } from '../ports.ts'
import type { InterestView } from './interest.ts'
import type { PubSubLimits } from './types.ts'

interface Known {
  route: Route
  /** Monotonic ms of the last message that took it. */
  used: number
}

/** ms after which nothing of a topic is on its way any more, so that a switch of paths needs no fence. A guess. */
const QUIET = 2_000

/** The route of each topic, computed again when interest changes. */
export class Routes {
  readonly #view: InterestView
  readonly #clock: Clock
  readonly #limits: PubSubLimits
  readonly #cache: TopicCache<Known>
  #targets = new Map<string, Targets>()
  /** A topic in use changes its path: called before the new route is first used. */
  onSwitch: (topic: string, before: Route, after: Route) => void = () => {}

  constructor(view: InterestView, clock: Clock, limits: PubSubLimits) {
    this.#view = view
    this.#clock = clock
    this.#limits = limits
    this.#cache = new TopicCache(limits.topics)
  }

  /** Throws `ERR_INVALID_TOPIC`. */
  of(topic: string): Route {
    const { generation } = this.#view
    const known = this.#cache.get(topic, generation)
    if (known !== undefined) return known.route
    validateTopic(topic)
    const before = this.#cache.stale(topic)
    const interested = this.#view.table.match(topic)
    const wide = before?.route.wide ?? false
    const intern = (peers: string[]) => this.#intern(peers)
    const route = chooseRoute(interested, channelOf(topic), wide, this.#view.partial, this.#limits, intern)
    const used = before?.used ?? Number.NEGATIVE_INFINITY
    this.#cache.set(topic, generation, { route, used })
    if (before !== undefined && wide !== route.wide && this.#clock.monotonic() - used < QUIET) {
      this.onSwitch(topic, before.route, route)
    }
    return route
  }

  used(topic: string): void {
    const known = this.#cache.stale(topic)
    if (known !== undefined) known.used = this.#clock.monotonic()
  }

  #intern(peers: string[]): Targets {
    const key = peers.join(' ')
    let targets = this.#targets.get(key)
    if (targets === undefined) {
      // Two objects for one set cost a batch its company, nothing else: the table may be forgotten at any time.
      if (this.#targets.size >= this.#limits.topics) this.#targets = new Map()
      this.#targets.set(key, (targets = { peers }))
    }
    return targets
  }
}
