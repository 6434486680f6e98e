import type { Message } from '../../../protocols/envelope/message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { channelOfPattern, validatePattern } from '../../core/pubsub/topic.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { Announcer } from './announcer.ts'
import { Channels } from './channels.ts'
import { Coalescer } from './coalesce.ts'
import { EvidenceDesk } from './evidence.ts'
import { InterestView } from './interest.ts'
import { checkPublish, checkSubscribe, DEFAULT_LIMITS, emptyStats } from './limits.ts'
import { LocalSubscriptions } from './local.ts'
import { Outbound } from './outbound.ts'
import { Pressure } from './pressure.ts'
import { Publisher } from './publisher.ts'
import { Receiver } from './receiver.ts'
import { Routes } from './routes.ts'
import { LocalSubscription } from './subscription.ts'
import type {
  Evidence,
  PublishOptions,
  PubSub,
  PubSubComponents,
  PubSubLimits,
  PubSubStats,
  RefusalReason,
  SubscribeOptions,
  Subscription
} from './types.ts'
import { WidePublisher } from './wide.ts'
import { Window } from './window.ts'

/**
 * Publish-subscribe over links and gossip; protocols/publish-subscribe/README.md says how. Registers its link handler and
 * takes `broadcast.onMessage` at once.
 *
 * @example
 * const pubsub = createPubSub({ membership, links, broadcast, host, clock, dice, codec, emit: (event) => log(event) })
 * const subscription = pubsub.subscribe('orders.>')
 * await subscription.ready
 */
export function createPubSub(components: PubSubComponents): PubSub {
  return new MeshPubSub(components)
}

class MeshPubSub implements PubSub {
  readonly #components: PubSubComponents
  readonly #limits: PubSubLimits
  readonly #stats: PubSubStats = emptyStats()
  readonly #stopped = new AbortController()
  readonly #coalescer: Coalescer
  readonly #pressure: Pressure
  readonly #view: InterestView
  readonly #local: LocalSubscriptions
  readonly #announcer: Announcer
  readonly #channels: Channels
  readonly #acknowledgements: Acknowledgements
  readonly #outbound: Outbound
  readonly #wide: WidePublisher
  readonly #publisher: Publisher
  readonly #evidence: EvidenceDesk
  readonly #receiver: Receiver

  constructor(components: PubSubComponents) {
    const { membership, links, broadcast, host, clock, dice, codec } = components
    this.#components = components
    const limits = { ...DEFAULT_LIMITS, ...components.limits }
    const stats = this.#stats
    const self = host.peer
    this.#limits = limits
    this.#coalescer = new Coalescer(clock)
    const pressure = (this.#pressure = new Pressure(clock, limits.stall))
    const view = (this.#view = new InterestView(membership, limits.patternsPerPeer))
    const local = (this.#local = new LocalSubscriptions(limits.topics, limits.subscriptions))
    const channels = (this.#channels = new Channels(membership, broadcast, clock, limits, view))
    const acknowledgements = (this.#acknowledgements = new Acknowledgements(clock))
    const outbound = (this.#outbound = new Outbound(links, clock, limits.stall))
    const window = new Window(limits.windowBytes, limits.acknowledgement, acknowledgements, dice)
    const routes = new Routes(view, clock, limits)
    const epoch = membership.self.incarnation
    const failed = (error: unknown) => this.#undelivered('', (error as { code?: string }).code ?? 'broadcast')
    const wide = new WidePublisher({
      host,
      broadcast,
      clock,
      dice,
      outbound,
      window,
      limits,
      stats,
      epoch,
      failed
    })
    this.#wide = wide
    this.#announcer = new Announcer(membership, clock, this.#stopped.signal)
    const shared = { self, clock, view, local, acknowledgements }
    const publisher = new Publisher({ ...shared, codec, limits, stats, routes, outbound, window, wide })
    this.#publisher = publisher
    this.#evidence = new EvidenceDesk({ ...shared, publisher, grace: limits.grace })
    this.#receiver = new Receiver({
      ...{ host, clock, limits, stats, local, channels, pressure, outbound, acknowledgements, wide },
      refused: (peer, reason) => this.#refused(peer, reason),
      lost: (publisher, channel, packets) => components.emit({ kind: 'lost', publisher, channel, packets })
    })
    this.#connect()
  }

  #connect(): void {
    const { links, broadcast } = this.#components
    this.#outbound.onDropped = (peer, reason) => this.#undelivered(peer, reason)
    this.#pressure.onReleased = () => this.#publisher.pump()
    this.#view.onTooMany = (peer) => this.#refused(peer, 'too-many-patterns')
    this.#view.onChange = () => {
      this.#channels.review()
      this.#evidence.changed()
    }
    this.#view.onDown = (peer) => {
      this.#outbound.forget(peer)
      this.#acknowledgements.gone(peer)
    }
    links.register(this.#receiver)
    broadcast.onMessage = (name, bytes) => void this.#receiver.broadcast(name, bytes)
  }

  #refused(peer: string, reason: RefusalReason): void {
    this.#stats.refused[reason]++
    this.#coalescer.note(`refused ${reason} ${peer}`, 0, (count) =>
      this.#components.emit({ kind: 'refused', peer, reason, count })
    )
  }

  #undelivered(peer: string, reason: string): void {
    this.#stats.undelivered++
    this.#coalescer.note(`undelivered ${reason} ${peer}`, 0, (frames) =>
      this.#components.emit({ kind: 'undelivered', peer, reason, frames })
    )
  }

  #check(): void {
    if (this.#stopped.signal.aborted) throw new MeshError('ERR_STOPPED', 'publish-subscribe is stopped')
  }

  async publish(message: Message, options: PublishOptions = {}): Promise<Evidence> {
    this.#check()
    checkPublish(options)
    if (options.signal?.aborted) {
      throw new MeshError('ERR_ABORTED', 'the publication was aborted', { cause: options.signal.reason })
    }
    return options.waitFor === undefined
      ? this.#publisher.publish(message, options)
      : this.#evidence.publish(message, options.waitFor.subscribers, options)
  }

  subscribe(
    pattern: string,
    options: SubscribeOptions = {},
    owner = '',
    onClosed?: (subscription: Subscription) => void
  ): Subscription {
    this.#check()
    validatePattern(pattern)
    const limits = checkSubscribe(options)
    const { codec, emit } = this.#components
    const subscription = new LocalSubscription(pattern, options, limits, owner, {
      codec,
      emit,
      pressure: this.#pressure,
      coalescer: this.#coalescer,
      closed: (closed) => {
        this.#closed(closed)
        onClosed?.(closed)
      }
    })
    this.#local.add(subscription)
    const channel = channelOfPattern(pattern)
    if (channel !== undefined) this.#channels.need(channel)
    subscription.ready = this.#announcer.add(pattern, subscription.overflow === 'reject', subscription.signal)
    // Whoever does not wait for it need not handle that it failed.
    subscription.ready.catch(() => {})
    this.#evidence.changed()
    return subscription
  }

  #closed(subscription: LocalSubscription): void {
    this.#local.remove(subscription)
    const channel = channelOfPattern(subscription.pattern)
    if (channel !== undefined) this.#channels.release(channel)
    this.#announcer.remove(subscription.pattern, subscription.overflow === 'reject')
  }

  stats(): PubSubStats {
    return structuredClone(this.#stats)
  }

  flush(): void {
    this.#publisher.flush()
  }

  /** What was handed over is sent; what waited fails with `ERR_STOPPED`; subscriptions end. Never waits for anybody. */
  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return
    const error = new MeshError('ERR_STOPPED', 'publish-subscribe is stopped')
    this.#publisher.stop(error)
    this.#evidence.stop()
    this.#stopped.abort(error)
    for (const subscription of this.#local.all()) await subscription.close()
    this.#view.stop()
    this.#channels.stop()
    this.#receiver.stop()
    this.#wide.stop()
    this.#acknowledgements.stop()
    this.#pressure.stop()
    this.#outbound.stop()
    this.#coalescer.stop()
  }
}
