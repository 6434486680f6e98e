import type { Message } from '../../../protocols/envelope/message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { QueueLimits } from '../../core/flow/watermarks.ts'
import { type Lease, LeaseQueue } from '../../core/pubsub/lease-queue.ts'
import type { Feed } from './log/types.ts'
import type { OrderedSubscription, Settling } from './ordered/ordered-subscription.ts'
import type { Pressing, Pressure } from './pressure.ts'
import { Screen, type ScreenComponents } from './screen.ts'
import type { LogPlace, SubscribeOptions, Subscription, SubscriptionStats } from './types.ts'

export interface AssuredSubscriptionComponents extends ScreenComponents {
  /** One that lasts as long as it must: nothing is shed. */
  pressure: Pressure
  closed(subscription: AssuredSubscription): void
  /** What reads groups' logs for it is to end, and what is remembered of that to go. */
  left?: ((subscription: AssuredSubscription) => Promise<void>) | undefined
  forgotten?: ((subscription: AssuredSubscription) => Promise<void>) | undefined
}

/**
 * Bytes, from which each attempt gets a message of its own; or that messages of a publisher are missing here. `place` where
 * they were read from a log.
 */
type Item = ({ topic: string; bytes: Uint8Array } | { gap: () => MeshError }) & {
  place: LogPlace | undefined
  /** Hears that it is done with. */
  feed?: Settling | undefined
}

/** What an iterator waits with, and holds. */
interface Loop {
  held: Lease<Item> | undefined
  waiting: PromiseWithResolvers<IteratorResult<Message>>[]
}

/**
 * An at-least-once subscription. A message keeps its place until the loop that got it asks for the next. What it holds is in
 * memory; one that reads logs tells its `feed` what is done with.
 *
 * Invariant: loops wait only while the queue has nothing to hand out.
 */
export class AssuredSubscription implements Subscription, Pressing, OrderedSubscription {
  readonly pattern: string
  readonly owner: string
  /** Wall-clock ms. */
  readonly created: number
  /** What it may hold. */
  readonly room: QueueLimits['maxQueue']
  readonly #screen: Screen
  readonly #queue: LeaseQueue<Item>
  readonly #components: AssuredSubscriptionComponents
  readonly #aborter = new AbortController()
  readonly #stats = { received: 0, delivered: 0, dropped: 0, redelivered: 0 }
  #waiting: Loop[] = []
  #closed = false
  #ended: Promise<void> | undefined
  #forgotten: Promise<void> | undefined
  #failure: MeshError | undefined
  /** Messages and gaps that are done with; and how many were when it was last said to be slow for too long. */
  #settlements = 0
  #settled = 0
  /** While nobody reads it: of each publisher how many messages it had no room for. */
  #shed: Map<string, { messages: number }> | undefined
  ready: Promise<void> = Promise.resolve()
  /** The number under which its pattern is announced; 0 until it is. */
  interest = 0
  /** What reads logs for it. */
  feed: Feed | undefined
  readonly paced = true
  readonly tellsGaps = true
  onRoom: (() => void) | undefined
  position: LogPlace | undefined

  constructor(
    pattern: string,
    options: SubscribeOptions,
    limits: QueueLimits,
    owner: string,
    components: AssuredSubscriptionComponents
  ) {
    this.pattern = pattern
    this.owner = owner
    this.created = Math.floor(components.clock.now())
    this.room = limits.maxQueue
    this.#components = components
    this.#screen = new Screen(options.filter, { owner, pattern }, components)
    this.#queue = new LeaseQueue(limits)
  }

  get pressing(): boolean {
    return this.#queue.pressed && this.#shed === undefined
  }

  /** Aborted when the subscription is closed. */
  get signal(): AbortSignal {
    return this.#aborter.signal
  }

  /**
   * Takes a message from `publisher`; false where it is not wanted. `bytes` are shared with other subscriptions and never
   * change. What has a `place` came because there was room for it, and slows nobody.
   */
  offer(
    publisher: string,
    topic: string,
    bytes: Uint8Array,
    place?: LogPlace,
    feed: Settling | undefined = this.feed
  ): boolean {
    if (this.#closed) return false
    this.#stats.received++
    if (this.#screen.admit(topic, bytes) === false) return false
    if (place === undefined && this.#shed !== undefined) {
      this.#drop(publisher, this.#shed)
      return false
    }
    this.#queue.push({ topic, bytes, place, feed }, bytes.length)
    this.#serve()
    if (place === undefined && this.#queue.pressed) this.#press(publisher)
    return true
  }

  get full(): boolean {
    return this.#queue.pressed
  }

  /** From a group's log. */
  offerOrdered(publisher: string, topic: string, bytes: Uint8Array, place: LogPlace, feed: Settling): boolean {
    return this.offer(publisher, topic, bytes, place, feed)
  }

  gapOrdered(gap: () => MeshError, place: LogPlace, feed: Settling): void {
    if (this.#closed) return
    this.#queue.push({ gap, place, feed }, 0)
    this.#serve()
  }

  /** So many numbers up to `place` are in no log any more; some may not have matched. */
  missed(place: LogPlace, messages: number, feed: Settling | undefined = this.feed): void {
    if (this.#closed) return
    const { publisher } = place
    const gap = () => missing(publisher, `${messages} numbers before ${place.sequence + 1}`, { messages })
    this.#queue.push({ gap, place, feed }, 0)
    this.#serve()
  }

  #press(publisher: string): void {
    if (!this.#components.pressure.press(publisher, this)) return
    const { owner, pattern } = this
    this.#components.emit({ kind: 'slow-consumer', owner, pattern, publisher, released: false })
  }

  /** Publishers wait as long as anything is read; one that nobody reads must not stop the others for ever. */
  overrun(publisher: string): boolean {
    const before = this.#settled
    this.#settled = this.#settlements
    if (before !== this.#settlements) return false
    this.#shed = new Map()
    const { owner, pattern } = this
    this.#components.emit({ kind: 'slow-consumer', owner, pattern, publisher, released: true })
    return true
  }

  /** The first that is shed of a publisher leaves the news in the queue, which then counts the others. */
  #drop(publisher: string, shed: Map<string, { messages: number }>): void {
    this.#stats.dropped++
    const known = shed.get(publisher)
    if (known !== undefined) known.messages++
    else {
      const count = { messages: 1 }
      shed.set(publisher, count)
      const gap = () => missing(publisher, `${count.messages} that found no room`, count)
      this.#queue.push({ gap, place: undefined }, 0)
    }
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const loop = this.#waiting[0]!
      const next = this.#next(loop)
      if (next === undefined) return
      this.#waiting.shift()
      const { resolve, reject } = loop.waiting.shift()!
      if (next instanceof MeshError) reject(next)
      else resolve({ done: false, value: next })
    }
  }

  /** What the loop gets now: a message, which it then holds, or the news of a gap. */
  #next(loop: Loop): Message | MeshError | undefined {
    this.#acknowledge(loop)
    for (let lease = this.#queue.lease(); lease !== undefined; lease = this.#queue.lease()) {
      const { item, attempts } = lease
      const next = 'gap' in item ? item.gap() : this.#screen.read(item.topic, item.bytes)
      if (next === undefined || next instanceof MeshError) this.#settle(lease)
      else {
        loop.held = lease
        if (item.feed === this.feed) this.position = item.place
        if (attempts > 1) this.#stats.redelivered++
        else this.#stats.delivered++
      }
      if (next !== undefined) return next
    }
    return undefined
  }

  #acknowledge(loop: Loop): void {
    const { held } = loop
    loop.held = undefined
    if (held !== undefined && !this.#closed) this.#settle(held)
  }

  #settle(lease: Lease<Item>): void {
    this.#queue.acknowledge(lease)
    const { item } = lease
    if (item.place !== undefined) item.feed?.settled(item.place, 'gap' in item ? undefined : item.bytes.length)
    this.#settlements++
    if (this.#queue.pressed) return
    this.#shed = undefined
    this.#components.pressure.release(this)
    this.onRoom?.()
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    const loop: Loop = { held: undefined, waiting: [] }
    return { next: () => this.#ask(loop), return: () => this.#leave(loop) }
  }

  #ask(loop: Loop): Promise<IteratorResult<Message>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#closed) return Promise.resolve({ done: true, value: undefined })
    const next = this.#next(loop)
    if (next instanceof MeshError) return Promise.reject(next)
    if (next !== undefined) return Promise.resolve({ done: false, value: next })
    const waiting = Promise.withResolvers<IteratorResult<Message>>()
    loop.waiting.push(waiting)
    this.#waiting.push(loop)
    return waiting.promise
  }

  #leave(loop: Loop): Promise<IteratorResult<Message>> {
    const { held } = loop
    loop.held = undefined
    if (loop.waiting.length > 0) this.#waiting = this.#waiting.filter((other) => other !== loop)
    for (const { resolve } of loop.waiting.splice(0)) resolve({ done: true, value: undefined })
    if (held !== undefined && !this.#closed) {
      this.#queue.giveBack(held)
      this.#serve()
    }
    return Promise.resolve({ done: true, value: undefined })
  }

  close(): Promise<void> {
    return (this.#ended ??= this.#close(new MeshError('ERR_ABORTED', `the subscription to ${this.pattern} was closed`)))
  }

  /** What it reads cannot be had: its loops fail, and it is closed. */
  fail(error: MeshError): void {
    if (this.#closed) return
    this.#failure = error
    for (const loop of this.#waiting.splice(0)) loop.waiting.shift()!.reject(error)
    this.#ended ??= this.#close(error)
    this.#ended.catch(() => {})
  }

  async #close(reason: MeshError): Promise<void> {
    this.#closed = true
    this.#queue.clear()
    this.#components.closed(this)
    this.#components.pressure.release(this)
    this.#aborter.abort(reason)
    for (const loop of this.#waiting.splice(0)) loop.waiting.shift()!.resolve({ done: true, value: undefined })
    // How far it is with either is written, whatever becomes of the other.
    const [fed, ordered] = await Promise.allSettled([this.feed?.close(), this.#components.left?.(this)])
    for (const one of [fed, ordered]) if (one.status === 'rejected') throw one.reason
  }

  unsubscribe(): Promise<void> {
    const closed = this.close()
    // In this very turn: nobody is to resume under its name before it is forgotten.
    return (this.#forgotten ??= this.#forget(this.feed?.forget(closed) ?? closed))
  }

  async #forget(closed: Promise<void>): Promise<void> {
    await closed
    await this.#components.forgotten?.(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  stats(): SubscriptionStats {
    const { length: queued, bytes: queuedBytes } = this.#queue
    return { ...this.#stats, ...this.#screen.counts, queued, queuedBytes }
  }
}

function missing(publisher: string, what: string, details: Record<string, unknown>): MeshError {
  return new MeshError('ERR_GAP', `messages of ${publisher} are missing: ${what}`, {
    details: { publisher, ...details }
  })
}
