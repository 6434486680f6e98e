import { DestinationKind } from '../../../protocols/causality/constants.ts'
import type { Message } from '../../../protocols/envelope/message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { QueueLimits } from '../../core/flow/watermarks.ts'
import { channelOfPattern, validatePattern } from '../../core/pubsub/topic.ts'
import type { CausalDriver } from '../causality/driver.ts'
import { Coalescer } from '../telemetry/coalesce.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { Announcer } from './announcer.ts'
import { PublicationArrivals } from './arrivals.ts'
import { AssuredPublisher } from './assured-publisher.ts'
import { AssuredReceiver } from './assured-receiver.ts'
import { AssuredSubscription } from './assured-subscription.ts'
import { Channels } from './channels.ts'
import { EvidenceDesk } from './evidence.ts'
import { InterestView } from './interest.ts'
import { DEFAULT_LIMITS, emptyStats } from './limits.ts'
import { LocalSubscriptions } from './local.ts'
import { Logs } from './log/logs.ts'
import { checkPublish, checkSubscribe, deliveryOf, readsLogs } from './options.ts'
import { OrderedPublications } from './ordered/ordered-publications.ts'
import { isOrdered } from './ordered/ordered-publisher.ts'
import { Outbound } from './outbound.ts'
import { Pressure } from './pressure.ts'
import { Publisher } from './publisher.ts'
import { Receiver } from './receiver.ts'
import { Routes } from './routes.ts'
import { LocalSubscription } from './subscription.ts'
import type {
  Evidence,
  Memory,
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

type SubscriptionParts = [
  pattern: string,
  options: SubscribeOptions,
  limits: QueueLimits,
  owner: string,
  closed: (subscription: Subscription) => void
]

class MeshPubSub implements PubSub {
  readonly #components: PubSubComponents
  readonly #limits: PubSubLimits
  readonly #stats: PubSubStats = emptyStats()
  readonly #stopped = new AbortController()
  readonly #coalescer: Coalescer
  readonly #pressure: Pressure
  /** Of at-least-once subscriptions: while they read at all, and on their own streams only. */
  readonly #patience: Pressure
  readonly #view: InterestView
  readonly #local: LocalSubscriptions<LocalSubscription>
  readonly #assuredLocal: LocalSubscriptions<AssuredSubscription>
  readonly #announcer: Announcer
  readonly #channels: Channels
  readonly #acknowledgements: Acknowledgements
  readonly #outbound: Outbound
  readonly #wide: WidePublisher
  readonly #assuring: AssuredPublisher
  readonly #assured: AssuredReceiver
  readonly #logs: Logs
  /** Subscriptions that read logs. */
  readonly #reading = new Set<AssuredSubscription>()
  readonly #publisher: Publisher
  readonly #evidence: EvidenceDesk
  readonly #ordered: OrderedPublications | undefined
  readonly #receiver: Receiver

  constructor(components: PubSubComponents) {
    const { membership, links, broadcast, host, clock, dice, codec, order } = components
    this.#components = components
    const limits = { ...DEFAULT_LIMITS, ...components.limits }
    const stats = this.#stats
    const self = host.peer
    this.#limits = limits
    this.#coalescer = new Coalescer(clock)
    const pressure = (this.#pressure = new Pressure(clock, limits.stall))
    const patience = (this.#patience = new Pressure(clock, limits.retention))
    const view = (this.#view = new InterestView(membership, limits.patternsPerPeer))
    const local = (this.#local = new LocalSubscriptions<LocalSubscription>(limits.topics))
    const assuredLocal = (this.#assuredLocal = new LocalSubscriptions<AssuredSubscription>(limits.topics))
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
    const assuring = (this.#assuring = new AssuredPublisher({
      ...{ clock, view, outbound, limits, stats, epoch },
      log: () => this.#logs.log
    }))
    const lost = (publisher: string, channel: number | undefined, packets: number | undefined) =>
      components.emit({ kind: 'lost', publisher, channel, packets })
    const arrivals = new PublicationArrivals(order, stats)
    const assured = (this.#assured = new AssuredReceiver({
      ...{ arrivals, clock, local: assuredLocal, pressure: patience, stats, publishers: limits.publishers },
      lost: (publisher, batches) => lost(publisher, undefined, batches),
      repair: (subscription, gap) => this.#logs.repair(subscription, gap),
      replica: limits.log.replica
    }))
    const logs = (this.#logs = new Logs({
      ...{ clock, membership, outbound, limits: limits.log },
      emit: (event) => components.emit(event),
      report: components.report ?? (() => {}),
      streamed: (publisher, pattern, epoch) => assured.replica(publisher, pattern, epoch),
      coalescer: this.#coalescer,
      open: () => this.#publisher.pump()
    }))
    const shared = { self, clock, view, local, assuredLocal, acknowledgements }
    const publisher = new Publisher({
      ...{ ...shared, codec, order, limits, stats, routes, outbound, window, wide },
      ...{ assured: assuring, logs }
    })
    this.#publisher = publisher
    const { ordering, emit } = components
    const told = { coalescer: this.#coalescer, emit, membership }
    this.#ordered =
      ordering && new OrderedPublications({ ...shared, ...told, ordering, publisher, stats, outbound, limits })
    const { publisher: ordered } = this.#ordered ?? {}
    this.#evidence = new EvidenceDesk({ ...shared, publisher, ordered, grace: limits.grace })
    this.#receiver = new Receiver({
      ...{
        host,
        order,
        arrivals,
        limits,
        stats,
        channels,
        pressure,
        outbound,
        wide,
        assured,
        assuring,
        logs,
        ...shared
      },
      refused: (peer, reason) => this.#refused(peer, reason),
      lost
    })
    this.#connect()
  }

  #connect(): void {
    const { links, broadcast, order } = this.#components
    if (order !== undefined) this.#connectOrder(order)
    this.#outbound.onDropped = (peer, reason) => this.#undelivered(peer, reason)
    this.#pressure.onReleased = () => this.#publisher.pump()
    this.#patience.onReleased = () => {
      this.#assured.relieved()
      this.#publisher.pump()
    }
    this.#view.onTooMany = (peer) => this.#refused(peer, 'too-many-patterns')
    this.#view.onChange = () => {
      this.#channels.review()
      this.#evidence.changed()
    }
    this.#view.onDown = (peer) => {
      this.#outbound.forget(peer)
      this.#acknowledgements.gone(peer)
      this.#assured.repair.down(peer)
    }
    this.#view.onUp = (peer) => this.#assured.repair.up(peer)
    this.#view.onAway = (peer) => this.#assuring.away(peer)
    this.#view.onBack = (peer) => this.#assuring.back(peer)
    this.#view.onWanted = (peer, number, first) => this.#assuring.wanted(peer, number, first)
    this.#view.onUnwanted = (peer) => this.#assuring.forget(peer)
    links.register(this.#receiver)
    broadcast.onMessage = (name, bytes) => void this.#receiver.broadcast(name, bytes)
  }

  #connectOrder(order: CausalDriver): void {
    order.wants = (kind, topic) =>
      (kind === DestinationKind.assured ? this.#assuredLocal : this.#local).matching(topic).length > 0
    order.retained = (peer) => this.#assuring.retains(peer)
    order.unreceived = (peer) => this.#assuring.unreceived(peer)
    order.onRoom = () => this.#publisher.pump()
  }

  #refused(peer: string, reason: RefusalReason): void {
    this.#stats.refused[reason]++
    this.#coalescer.note(`refused ${reason} ${peer}`, 0, (count) =>
      this.#components.emit({ kind: 'refused', peer, reason, count })
    )
  }

  #undelivered(peer: string, reason: string): void {
    this.#stats.undelivered++
    // What was dropped has its number: its receiver is to hear that it will not come.
    if (peer !== '') this.#components.order?.severed(peer)
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
    // A majority of the group has what it orders on disk.
    if (!options.durable || isOrdered(message)) return this.#publish(message, options)
    this.#logs.checkDurable()
    const evidence = await this.#publish(message, options)
    await this.#logs.log.synced()
    return evidence
  }

  #publish(message: Message, options: PublishOptions): Promise<Evidence> {
    if (options.waitFor !== undefined) return this.#evidence.publish(message, options.waitFor.subscribers, options)
    return isOrdered(message) ? this.#order(message, options) : this.#publisher.publish(message, options)
  }

  #order(message: Message, options: PublishOptions): Promise<Evidence> {
    if (this.#ordered === undefined) throw new MeshError('ERR_NO_CONSENSUS', 'there is nobody who gives an order')
    return this.#ordered.publish(message, options)
  }

  open(memory: Memory): Promise<void> {
    this.#ordered?.open(memory.store)
    return this.#logs.open(memory)
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
    const most = this.#limits.subscriptions
    if (this.#local.size + this.#assuredLocal.size + this.#reading.size >= most) {
      throw new MeshError('ERR_LIMIT', `more than ${most} subscriptions on one node`)
    }
    if (readsLogs(options)) return this.#read(pattern, options, limits, owner, onClosed ?? (() => {}))
    const delivery = deliveryOf(options)
    const wish = { pattern, delivery, linked: delivery === 'at-most-once' && options.overflow === 'reject' }
    const channel = channelOfPattern(pattern)
    let told = false
    const closed = (subscription: Subscription) => {
      if (channel !== undefined) this.#channels.release(channel)
      if (told) this.#announcer.remove(wish)
      onClosed?.(subscription)
    }
    const subscription =
      delivery === 'at-least-once'
        ? this.#assure(pattern, options, limits, owner, closed)
        : this.#listen(pattern, options, limits, owner, closed)
    if (channel !== undefined) this.#channels.need(channel)
    const announce = async (): Promise<void> => {
      subscription.signal.throwIfAborted()
      told = true
      const added = this.#announcer.add(wish, subscription.signal)
      if (subscription instanceof AssuredSubscription) subscription.interest = this.#announcer.number(wish)
      await added
    }
    subscription.ready = this.#ordered?.join(subscription, options, announce) ?? announce()
    // Whoever does not wait for it need not handle that it failed.
    subscription.ready.catch(() => {})
    this.#evidence.changed()
    return subscription
  }

  #listen(...[pattern, options, limits, owner, closed]: SubscriptionParts): LocalSubscription {
    const { codec, emit, clock, overflow } = this.#components
    const subscription = new LocalSubscription(pattern, options, limits, owner, {
      ...{ overflow, stopping: () => this.#stopped.signal.aborted },
      ...{ codec, emit, clock, pressure: this.#pressure, coalescer: this.#coalescer },
      closed: (subscription) => {
        this.#local.remove(subscription)
        void this.#ordered?.leave(subscription)
        closed(subscription)
      }
    })
    this.#local.add(subscription)
    return subscription
  }

  #assure(...[pattern, options, limits, owner, closed]: SubscriptionParts): AssuredSubscription {
    const { codec, emit, clock } = this.#components
    const subscription = new AssuredSubscription(pattern, options, limits, owner, {
      ...{ codec, emit, clock, pressure: this.#patience, coalescer: this.#coalescer },
      left: (subscription) => this.#left(subscription),
      closed: (subscription) => {
        this.#assuredLocal.remove(subscription)
        closed(subscription)
      }
    })
    if (this.#assuredLocal.size === 0) this.#assured.forget()
    this.#assuredLocal.add(subscription)
    return subscription
  }

  #read(...[pattern, options, limits, owner, closed]: SubscriptionParts): AssuredSubscription {
    const { codec, emit, clock } = this.#components
    this.#logs.check(owner, options)
    const subscription = new AssuredSubscription(pattern, options, limits, owner, {
      ...{ codec, emit, clock, pressure: this.#patience, coalescer: this.#coalescer },
      left: (subscription) => this.#left(subscription),
      forgotten: (subscription) => this.#forgotten(subscription, options),
      closed: (subscription) => {
        this.#reading.delete(subscription)
        closed(subscription)
      }
    })
    this.#reading.add(subscription)
    this.#logs.feed(subscription, options, limits)
    if (this.#ordered === undefined) return subscription
    const { ready } = subscription
    subscription.ready = this.#ordered.join(subscription, options, () => ready)
    subscription.ready.catch((error) => subscription.fail(error))
    return subscription
  }

  async #left(subscription: AssuredSubscription): Promise<void> {
    await this.#ordered?.leave(subscription)
  }

  async #forgotten(subscription: AssuredSubscription, { durable, name }: SubscribeOptions): Promise<void> {
    if (durable) await this.#ordered?.forget(subscription, name!)
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
    for (const subscription of [...this.#local.all(), ...this.#assuredLocal.all()]) await subscription.close()
    // What could not be written is handed out again in the next life.
    await Promise.allSettled([...this.#reading].map((subscription) => subscription.close()))
    this.#ordered?.stop()
    await this.#logs.stop()
    this.#view.stop()
    this.#channels.stop()
    this.#receiver.stop()
    this.#wide.stop()
    this.#acknowledgements.stop()
    this.#pressure.stop()
    this.#patience.stop()
    this.#assuring.stop()
    this.#assured.repair.stop()
    this.#outbound.stop()
    this.#coalescer.stop()
  }
}
