import { encodeStamp } from '../../../protocols/causality/block-encoder.ts'
import { publicationKind } from '../../../protocols/causality/constants.ts'
import type { Message } from '../../../protocols/envelope/message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { encodeSync } from '../../../protocols/publish-subscribe/codec.ts'
import { FRAME } from '../../../protocols/publish-subscribe/constants.ts'
import type { Route } from '../../core/pubsub/route.ts'
import type { CausalDriver } from '../causality/driver.ts'
import type { Clock } from '../ports.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import type { AssuredPublisher } from './assured-publisher.ts'
import type { AssuredSubscription } from './assured-subscription.ts'
import { DirectPublisher } from './direct.ts'
import type { InterestView } from './interest.ts'
import type { LocalSubscriptions } from './local.ts'
import type { Logs } from './log/logs.ts'
import type { Outbound } from './outbound.ts'
import type { Routes } from './routes.ts'
import type { LocalSubscription } from './subscription.ts'
import type { Evidence, MessageCodec, PublishOptions, PubSubLimits, PubSubStats } from './types.ts'
import { WaitingRoom } from './waiting.ts'
import type { WidePublisher } from './wide.ts'
import type { Window } from './window.ts'

export interface PublisherComponents {
  self: string
  clock: Clock
  codec: MessageCodec
  order: CausalDriver | undefined
  limits: PubSubLimits
  stats: PubSubStats
  view: InterestView
  routes: Routes
  local: LocalSubscriptions<LocalSubscription>
  assuredLocal: LocalSubscriptions<AssuredSubscription>
  assured: AssuredPublisher
  outbound: Outbound
  acknowledgements: Acknowledgements
  window: Window
  wide: WidePublisher
  logs: Logs
}

/** A message as it leaves. */
export interface Publication {
  readonly topic: string
  readonly bytes: Uint8Array
  /** It has a place in the causal order. */
  readonly ordered: boolean
}

/** What was handed over, and to whom. */
export interface Handed {
  path: Evidence['path']
  /** Subscriptions here. */
  local: number
  /** Subscriptions elsewhere, as far as known. */
  remote: number
}

/** The acknowledgements asked of those who want it at most once, and of those who want it at least once. */
export interface Tokens {
  once: number
  assured: number
}

/** Overhead of a publication that waits: a guess. */
const WAITING_OVERHEAD = 128

/** Takes messages one by one, sends batches. Each message is encoded once for all its receivers, this node's included. */
export class Publisher {
  readonly #c: PublisherComponents
  readonly #room: WaitingRoom
  readonly #direct: DirectPublisher
  readonly #fenced = new Set<string>()
  #scheduled = false

  constructor(components: PublisherComponents) {
    this.#c = components
    this.#room = new WaitingRoom(components.limits.waitingBytes)
    this.#direct = new DirectPublisher(components.outbound, components.stats)
    const pump = () => this.pump()
    components.outbound.onWritable = () => {
      components.assured.pump()
      components.logs.pump()
      this.pump()
    }
    components.assured.onOpen = pump
    components.window.onOpen = pump
    components.routes.onSwitch = (topic, before, after) => this.#fence(topic, before, after)
  }

  encode(message: Message): Publication {
    const topic = message.routing?.topic
    if (topic === undefined) throw new MeshError('ERR_INVALID_TOPIC', 'a message without routing.topic')
    this.#c.routes.of(topic)
    const bytes = this.#c.codec.encode(message)
    if (bytes.length > this.#c.limits.messageBytes) {
      throw new MeshError('ERR_MESSAGE_TOO_LARGE', `${bytes.length} bytes; at most ${this.#c.limits.messageBytes}`)
    }
    return { topic, bytes, ordered: this.#c.order !== undefined && message.guarantee?.ordering === 'causal' }
  }

  /** What is known of who wants the topic. */
  known(topic: string): number {
    const { local, assuredLocal, view } = this.#c
    let known = local.matching(topic).length + assuredLocal.matching(topic).length
    for (const { subscribers } of view.table.match(topic)) known += subscribers
    for (const { subscribers } of view.assuredOf(topic)) known += subscribers
    return known
  }

  /** Resolves once handed over: at once, or after what keeps the topic back. */
  async publish(message: Message, options: PublishOptions): Promise<Evidence> {
    const publication = this.encode(message)
    const { path, local, remote } = await this.submit(publication, undefined, options)
    return {
      id: message.id,
      topic: publication.topic,
      path,
      subscribers: local + remote,
      peers: local > 0 ? [{ peer: this.#c.self, subscribers: local }] : [],
      acknowledged: false
    }
  }

  /** `tokens`: acknowledgements are asked. */
  submit(publication: Publication, tokens: Tokens | undefined, options: PublishOptions): Handed | Promise<Handed> {
    const { topic } = publication
    if (!this.#room.holds(topic) && this.#open(topic)) return this.#hand(publication, tokens)
    if (options.timeout === 0) throw new MeshError('ERR_BACKPRESSURE', `receivers of ${topic} are not ready for more`)
    return this.#wait(publication, tokens, options)
  }

  #wait(publication: Publication, tokens: Tokens | undefined, options: PublishOptions): Promise<Handed> {
    const { topic, bytes } = publication
    const { promise, resolve, reject } = Promise.withResolvers<Handed>()
    const { signal, timeout } = options
    const go = () => resolve(this.#hand(publication, tokens))
    const waiting = { topic, size: bytes.length + WAITING_OVERHEAD, cancelled: false, go, fail: reject }
    this.#room.enter(waiting)
    const give = (error: MeshError) => {
      this.#room.cancel(waiting)
      reject(error)
    }
    const timer =
      timeout === undefined
        ? undefined
        : this.#c.clock.after(timeout, () =>
            give(new MeshError('ERR_TIMEOUT', `${topic} was not handed over in ${timeout} ms`))
          )
    const abort = () => give(new MeshError('ERR_ABORTED', 'the publication was aborted', { cause: signal?.reason }))
    signal?.addEventListener('abort', abort, { once: true })
    return promise.finally(() => {
      timer?.cancel()
      signal?.removeEventListener('abort', abort)
    })
  }

  pump(): void {
    this.#room.pump((topic) => this.#open(topic))
  }

  /** Whether the topic's next message may leave; what keeps it back calls `pump` when it no longer does. */
  #open(topic: string): boolean {
    const route = this.#c.routes.of(topic)
    if (this.#c.order?.full === true) return false
    if (this.#fenced.size > 0 && this.#fenced.has(topic)) return false
    if (this.#c.logs.log.full) return false
    if (route.wide && !this.#c.window.open) return false
    if (this.#c.local.matching(topic).some((subscription) => subscription.pressing)) return false
    return this.#c.outbound.ready(route.linked.peers) && this.#assuredOpen(topic)
  }

  /** Whether those who want the topic at least once have room: nothing would be dropped for them. */
  #assuredOpen(topic: string): boolean {
    const { assured, assuredLocal } = this.#c
    if (assured.active && !assured.open(topic)) return false
    return assuredLocal.size === 0 || !assuredLocal.matching(topic).some((subscription) => subscription.pressing)
  }

  #hand({ topic, bytes, ordered }: Publication, tokens: Tokens | undefined): Handed {
    const { routes, stats, local, wide, self, assured, assuredLocal } = this.#c
    const route = routes.of(topic)
    stats.published++
    const sequence = this.#c.logs.log.append(topic, bytes)
    const once = route.interested.length > 0 || route.wide
    const kept = assured.active ? assured.route(topic) : undefined
    const keeps = kept !== undefined && kept.peers.length > 0
    const kind = ordered && (once || keeps) ? publicationKind(once ? route.wide : undefined, keeps) : undefined
    // The place of all copies, whichever way they go: of a host with both kinds of subscription either copy may come first.
    const outgoing = kind === undefined ? undefined : this.#c.order!.stampPublication()
    const stamp = outgoing === undefined ? undefined : encodeStamp(kind!, outgoing)
    let remote = route.subscribers
    let path = pathOf(route)
    if (once) {
      routes.used(topic)
      if (route.wide) wide.add(route, topic, bytes, stamp, tokens?.once)
      else this.#direct.add(route.linked, topic, bytes, stamp, tokens?.once)
    }
    if (keeps) {
      remote += kept.subscribers
      if (path === 'local' && kept.subscribers > 0) path = 'direct'
      assured.add(kept, topic, bytes, stamp, outgoing?.number ?? 0, sequence, tokens?.assured)
    }
    if (kind !== undefined) {
      this.#c.order!.published(kind, topic, once ? route.linked.peers : NOBODY, keeps ? kept.peers : NOBODY)
    }
    if (once || keeps) this.#schedule()
    let reached = local.deliver(self, topic, bytes, false)
    if (assuredLocal.size > 0) reached += assuredLocal.deliver(self, topic, bytes, false)
    stats.delivered += reached
    return { path, local: reached, remote }
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#c.clock.endOfTurn(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  flush(): void {
    this.#direct.flush()
    this.#c.wide.flush()
    this.#c.assured.flush()
  }

  /**
   * A topic changes its path. Its messages wait until those who got the last ones on the old path have them, so that each
   * publisher's messages on a topic arrive in order; `limits.stall` ms at most.
   */
  #fence(topic: string, before: Route, after: Route): void {
    const wanted = new Set(after.interested.map(({ peer }) => peer))
    const peers = before.interested.map(({ peer }) => peer).filter((peer) => wanted.has(peer))
    if (peers.length === 0) return
    const { stats, wide, acknowledgements, outbound, limits } = this.#c
    stats.fences++
    this.#fenced.add(topic)
    this.flush()
    const last = before.wide ? wide.last(before.channel) : { number: 0, sent: Promise.resolve() }
    void last.sent.then(() => {
      const done = () => {
        this.#fenced.delete(topic)
        this.pump()
      }
      const heard = (_peer: string, _subscribers: number, left: number) => left === 0 && done()
      const token = acknowledgements.askFor(limits.stall, peers, heard, done)
      outbound.send(peers, FRAME.sync, encodeSync({ token, channel: before.channel, number: last.number }))
    })
  }

  stop(error: MeshError): void {
    this.flush()
    this.#room.stop(error)
  }
}

const NOBODY: readonly string[] = []

function pathOf(route: Route): Evidence['path'] {
  if (route.wide) return 'gossip'
  return route.interested.length > 0 ? 'direct' : 'local'
}
