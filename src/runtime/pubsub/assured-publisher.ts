import { ByteWriter } from '../../../protocols/publish-subscribe/bytes.ts'
import { BatchWriter, encodeNumbered } from '../../../protocols/publish-subscribe/codec.ts'
import { FRAME, MAX_BATCH_BYTES, MAX_BATCH_MESSAGES } from '../../../protocols/publish-subscribe/constants.ts'
import type { Taken } from '../../../protocols/publish-subscribe/messages.ts'
import { TopicCache } from '../../core/pubsub/cache.ts'
import { type Numbered, RetainedStream, type Span } from '../../core/pubsub/retained-stream.ts'
import type { Clock, Timer } from '../ports.ts'
import type { InterestView } from './interest.ts'
import type { PublicationLog } from './log/publication-log.ts'
import type { Outbound } from './outbound.ts'
import type { PubSubLimits, PubSubStats } from './types.ts'

export interface AssuredPublisherComponents {
  clock: Clock
  view: InterestView
  outbound: Outbound
  limits: PubSubLimits
  stats: PubSubStats
  /** This node's incarnation. */
  epoch: number
  /** What this node has published. */
  log: () => Pick<PublicationLog, 'epoch' | 'began' | 'newest'>
}

/** The numbers of a batch's messages in the log. */
class BatchSpan {
  readonly before: number
  readonly #numbers = new ByteWriter(64)
  #last: number

  constructor(before: number) {
    this.before = this.#last = before
  }

  add(sequence: number): void {
    this.#numbers.number(sequence - this.#last)
    this.#last = sequence
  }

  finish(): Span {
    return { before: this.before, last: this.#last, numbers: this.#numbers.finish() }
  }
}

/** Who wants a topic at least once. */
export interface AssuredRoute {
  readonly peers: readonly string[]
  /** Of those that live. */
  readonly subscribers: number
  /** Equal for equal sets of peers. */
  readonly key: string
}

interface Receiver {
  /** Which of this node's streams this is. */
  serial: number
  stream: RetainedStream
  retry: Timer | undefined
  /** Retries since the receiver last came any further. */
  tries: number
  /** It is to be told where the stream is, and has not answered since. */
  unheard: boolean
  /** The highest number of what it has announced. */
  interest: number
  /** Until it is no longer waited for. */
  leave: Timer | undefined
}

/** Retries are `tail` × 2ⁿ ms apart, with n at most this: 4 s, by the defaults. */
const SLOWEST_RETRY = 4

/** The publisher's side of at-least-once: one numbered stream to each node that asks for it, on which nothing is given up while that node lives. */
export class AssuredPublisher {
  readonly #c: AssuredPublisherComponents
  readonly #routes: TopicCache<AssuredRoute>
  readonly #receivers = new Map<string, Receiver>()
  /** `place`: of its first message that has one in the causal order. `span`: their numbers in the log. */
  #batch: { route: AssuredRoute; writer: BatchWriter; place: number; span: BatchSpan } | undefined
  #serial = 0
  /** A receiver has room again. */
  onOpen: () => void = () => {}

  constructor(components: AssuredPublisherComponents) {
    this.#c = components
    this.#routes = new TopicCache(components.limits.topics)
  }

  /** False while nobody else wants anything at least once: nothing else need be asked. */
  get active(): boolean {
    return this.#c.view.assured.patterns > 0
  }

  route(topic: string): AssuredRoute {
    const { view } = this.#c
    const { assured } = view
    const known = this.#routes.get(topic, assured.generation)
    if (known !== undefined) return known
    const peers = assured.match(topic).map(({ peer }) => peer)
    const subscribers = view.assuredOf(topic).reduce((total, peer) => total + peer.subscribers, 0)
    return this.#routes.set(topic, assured.generation, { peers, subscribers, key: peers.join(' ') })
  }

  /** Whether each receiver of the topic can be given more; `onOpen` says when to ask again. */
  open(topic: string): boolean {
    return !this.route(topic).peers.some((peer) => this.#receivers.get(peer)?.stream.full)
  }

  /** Whether the peer has not taken everything. */
  retains(peer: string): boolean {
    return this.#batch?.route.peers.includes(peer) === true || this.#receivers.get(peer)?.stream.pending === true
  }

  /** The first place in the causal order of what the peer has not received; Infinity where it has all. */
  unreceived(peer: string): number {
    const known = this.#receivers.get(peer)?.stream.unreceived ?? Number.POSITIVE_INFINITY
    const { route, place } = this.#batch ?? { route: undefined, place: 0 }
    return place > 0 && route?.peers.includes(peer) ? Math.min(known, place) : known
  }

  /** `place` in the causal order; 0 without a stamp. `sequence` in the log. With a `token` the message goes alone, and its receivers acknowledge it. */
  add(
    route: AssuredRoute,
    topic: string,
    bytes: Uint8Array,
    stamp: Uint8Array | undefined,
    place: number,
    sequence: number,
    token: number | undefined
  ): void {
    if (route.peers.length === 0) return
    const batch = this.#batch
    const full = batch !== undefined && batch.writer.length + bytes.length > MAX_BATCH_BYTES
    if (full || token !== undefined || batch?.route.key !== route.key) this.flush()
    this.#batch ??= { route, writer: new BatchWriter(), place: 0, span: new BatchSpan(sequence - 1) }
    const { writer, span } = this.#batch
    span.add(sequence)
    if (this.#batch.place === 0) this.#batch.place = place
    writer.add(topic, bytes, stamp)
    if (token !== undefined || writer.count >= MAX_BATCH_MESSAGES || writer.length >= MAX_BATCH_BYTES) this.flush(token)
  }

  flush(token = 0): void {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    const body = batch.writer.finish()
    const span = batch.span.finish()
    for (const peer of batch.route.peers) {
      if (!this.#c.view.assured.has(peer)) continue
      const receiver = this.#receiver(peer)
      receiver.stream.push(body, token, batch.place, span, receiver.interest)
      this.#send(peer, receiver)
    }
  }

  #receiver(peer: string): Receiver {
    let receiver = this.#receivers.get(peer)
    if (receiver === undefined) {
      const { windowBytes: window, history } = this.#c.limits
      const stream = new RetainedStream({ window, history })
      receiver = {
        serial: ++this.#serial,
        stream,
        retry: undefined,
        tries: 0,
        unheard: false,
        interest: 0,
        leave: undefined
      }
      this.#receivers.set(peer, receiver)
    }
    return receiver
  }

  /** What the link has no room for now is sent by `pump`. */
  #send(peer: string, receiver: Receiver): void {
    const { outbound, stats } = this.#c
    const { stream } = receiver
    for (let numbered = stream.peek(); numbered !== undefined; numbered = stream.peek()) {
      if (!outbound.offer(peer, FRAME.numbered, this.#frame(receiver, numbered))) break
      stats.batches.direct++
      stats.bytes.direct += numbered.batch.length
      stream.sent()
    }
    this.#watch(peer, receiver)
  }

  #frame({ serial }: Receiver, numbered: Numbered): Uint8Array {
    const { epoch, log } = this.#c
    const { epoch: own, began } = log()
    return encodeNumbered({ epoch, stream: serial, log: own, began, ...numbered })
  }

  #watch(peer: string, receiver: Receiver): void {
    const { stream, unheard } = receiver
    if (receiver.retry !== undefined || !(stream.pending || unheard) || stream.away) return
    const ms = this.#c.limits.tail * 2 ** Math.min(receiver.tries, SLOWEST_RETRY)
    receiver.retry = this.#c.clock.after(ms, () => {
      receiver.retry = undefined
      receiver.tries++
      this.#retry(peer, receiver)
    })
  }

  #retry(peer: string, receiver: Receiver): void {
    const { stream } = receiver
    stream.rewind()
    // What waits for the turn's end is not in the stream yet.
    const end = this.#batch?.span.before ?? this.#c.log().newest
    this.#c.outbound.offer(peer, FRAME.numbered, this.#frame(receiver, stream.probe(end, receiver.interest)))
    this.#send(peer, receiver)
  }

  /** Sends what waited for the links. */
  pump(): void {
    for (const [peer, receiver] of this.#receivers) if (receiver.stream.pending) this.#send(peer, receiver)
  }

  acknowledged(peer: string, { epoch, stream, received, taken }: Taken): void {
    const receiver = this.#receivers.get(peer)
    if (receiver === undefined || epoch !== this.#c.epoch || stream !== receiver.serial) return
    const { unheard } = receiver
    receiver.unheard = false
    if (receiver.stream.acknowledge(received, taken) || unheard) {
      receiver.tries = 0
      receiver.retry?.cancel()
      receiver.retry = undefined
    }
    this.#send(peer, receiver)
    if (!receiver.stream.full) this.onOpen()
  }

  /** A link to the peer is gone, and perhaps what was on it. */
  unlinked(peer: string): void {
    const receiver = this.#receivers.get(peer)
    if (receiver === undefined) return
    receiver.tries = 0
    receiver.retry?.cancel()
    receiver.retry = undefined
    this.#watch(peer, receiver)
  }

  /** The peer is held to be dead. It may only be cut off: what it wants is kept for a while, within bounds. */
  away(peer: string): void {
    const receiver = this.#receiver(peer)
    receiver.stream.away = true
    receiver.leave ??= this.#c.clock.after(this.#c.limits.retention, () => this.#c.view.forgetAssured(peer))
    this.onOpen()
  }

  /** The peer wants something: it is told from where on, so that it can tell what it may miss later. */
  wanted(peer: string, interest: number, first: boolean): void {
    const receiver = this.#receiver(peer)
    receiver.interest = Math.max(receiver.interest, interest)
    if (!first) return
    receiver.unheard = true
    this.#retry(peer, receiver)
  }

  /** It was only cut off. */
  back(peer: string): void {
    const receiver = this.#receivers.get(peer)
    if (receiver === undefined) return
    receiver.leave?.cancel()
    receiver.leave = undefined
    receiver.stream.away = false
    receiver.unheard = true
    receiver.tries = 0
    this.#retry(peer, receiver)
  }

  forget(peer: string): void {
    const receiver = this.#receivers.get(peer)
    if (receiver === undefined) return
    receiver.retry?.cancel()
    receiver.leave?.cancel()
    this.#receivers.delete(peer)
    this.onOpen()
  }

  stop(): void {
    for (const peer of [...this.#receivers.keys()]) this.forget(peer)
  }
}
