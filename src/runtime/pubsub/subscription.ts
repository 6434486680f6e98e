import type { Message } from '../../../protocols/envelope/message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { BoundedQueue } from '../../core/flow/queue.ts'
import type { QueueLimits } from '../../core/flow/watermarks.ts'
import type { Pressing, Pressure } from './pressure.ts'
import { Screen, type ScreenComponents } from './screen.ts'
import { type Publication, SubscriptionSpill } from './subscription-spill.ts'
import type {
  RedirectTarget,
  SubscribeOptions,
  Subscription,
  SubscriptionOverflow,
  SubscriptionStats
} from './types.ts'

export interface SubscriptionComponents extends ScreenComponents {
  pressure: Pressure
  closed(subscription: LocalSubscription): void
  overflow: SubscriptionOverflow
  /** The node is leaving: what is on disk is for its next life. */
  stopping(): boolean
}

/** Bytes until somebody reads them; already a message where a filter had to see it. */
interface Queued extends Publication {
  message: Message | undefined
}

/** Who asked for the next message while there was none, and through which iterator. */
interface Reader {
  readonly iterator: object
  readonly take: (result: IteratorResult<Message>) => void
}

let serial = 0

/** Small messages weigh more than their bytes: no more of them than this are parked. */
const MOST_PARKED = 65_536

/**
 * Invariants: readers wait only while the queue is empty; something is parked only while the queue is full. What is parked
 * came before its publisher felt the pressure, and is bounded by the credit that it had, so that `reject` loses nothing
 * while its publishers can be slowed.
 */
export class LocalSubscription implements Subscription, Pressing {
  readonly pattern: string
  readonly owner: string
  readonly overflow: NonNullable<SubscribeOptions['overflow']>
  readonly #id = ++serial
  readonly #screen: Screen
  readonly #queue: BoundedQueue<Queued>
  readonly #parked: BoundedQueue<Queued>
  readonly #components: SubscriptionComponents
  readonly #redirect: RedirectTarget | undefined
  readonly #spill: SubscriptionSpill | undefined
  readonly #aborter = new AbortController()
  readonly #stats = { received: 0, delivered: 0, dropped: 0, redelivered: 0 }
  /** What came back from disk and is more than the queue holds: less than one batch. */
  #back: Queued[] = []
  #readers: Reader[] = []
  #overrun = false
  #closed = false
  ready: Promise<void> = Promise.resolve()
  /** It reads no log. */
  readonly position = undefined

  constructor(
    pattern: string,
    options: SubscribeOptions,
    limits: QueueLimits,
    owner: string,
    components: SubscriptionComponents
  ) {
    this.pattern = pattern
    this.owner = owner
    this.overflow = options.overflow ?? 'drop-oldest'
    this.#components = components
    this.#screen = new Screen(options.filter, { owner, pattern }, components)
    const parked = { ...limits, maxQueue: { messages: MOST_PARKED, bytes: limits.maxQueue.bytes } }
    this.#parked = new BoundedQueue(parked, 'reject', () => {})
    const drops = this.overflow === 'drop-oldest' || this.overflow === 'drop-newest' ? this.overflow : 'reject'
    this.#queue = new BoundedQueue(limits, drops, (_item, bytes) => this.#drop('queue-full', bytes))
    this.#redirect = options.redirect
    if (this.overflow === 'spill-to-disk') this.#spill = this.#openSpill()
  }

  /** True while it slows its publishers. */
  get pressing(): boolean {
    return this.overflow === 'reject' && this.#queue.pressed && !this.#overrun
  }

  /** Aborted when the subscription is closed. */
  get signal(): AbortSignal {
    return this.#aborter.signal
  }

  /** Takes a message from `publisher`. `bytes` are shared with other subscriptions and never change. */
  offer(publisher: string, topic: string, bytes: Uint8Array): void {
    if (this.#closed) return
    this.#stats.received++
    const message = this.#screen.admit(topic, bytes)
    if (message === false) return
    const item = { topic, bytes, message }
    const reader = this.#spill?.active ? undefined : this.#readers.shift()
    if (reader !== undefined) {
      const value = this.#read(item)
      if (value === undefined) this.#readers.unshift(reader)
      else reader.take({ done: false, value })
      return
    }
    if (this.overflow === 'reject') this.#admit(publisher, item)
    else if (this.#spill?.active || !this.#queue.push(item, bytes.length)) this.#exceed(item)
  }

  /** What found no room, and was not dropped for want of it. */
  #exceed(item: Queued): void {
    const { length } = item.bytes
    if (this.overflow === 'drop-newest') return
    const dealtWith = this.#spill === undefined ? this.#sendOn(item) : this.#spill.push(item)
    if (!dealtWith) {
      this.#drop('rejected', length)
      return
    }
    if (this.#spill !== undefined) this.#components.overflow.spilled()
    this.#tell('queue-full', length)
  }

  #sendOn(item: Queued): boolean {
    const message = item.message ?? this.#screen.decode(item.topic, item.bytes)
    const { overflow } = this.#components
    return message !== undefined && overflow.redirect(this.owner, item.topic, message, this.#redirect!)
  }

  #openSpill(): SubscriptionSpill {
    const { overflow } = this.#components
    return new SubscriptionSpill({
      open: (host) => overflow.openSpill(this.owner, this.pattern, host),
      close: (queue, discard) => overflow.closeSpill(queue, discard),
      lost: (bytes) => this.#drop('spill-failed', bytes),
      restored: (publications) => {
        for (const one of publications) {
          const item = { ...one, message: undefined }
          if (this.#back.length > 0 || !this.#queue.push(item, item.bytes.length)) this.#back.push(item)
        }
        this.#serve()
      }
    })
  }

  /** Readers that waited for the disk. */
  #serve(): void {
    while (this.#readers.length > 0) {
      const value = this.#take()
      if (value === undefined) return
      this.#readers.shift()!.take({ done: false, value })
    }
  }

  #admit(publisher: string, item: Queued): void {
    const { length } = item.bytes
    const taken = this.#parked.length === 0 && this.#queue.push(item, length)
    if (!taken && (this.#overrun || !this.#parked.push(item, length))) this.#drop('rejected', length)
    if (this.pressing) this.#press(publisher)
  }

  #drop(reason: string, bytes: number): void {
    this.#stats.dropped++
    this.#components.overflow.dropped(1)
    this.#tell(reason, bytes)
  }

  #tell(reason: string, bytes: number): void {
    const { owner, pattern, overflow } = this
    this.#components.coalescer.note(`overflow ${this.#id} ${reason}`, bytes, (messages, total) =>
      this.#components.emit({ kind: 'overflow', owner, pattern, overflow, reason, messages, bytes: total })
    )
  }

  #press(publisher: string): void {
    if (!this.#components.pressure.press(publisher, this)) return
    const { owner, pattern } = this
    this.#components.emit({ kind: 'slow-consumer', owner, pattern, publisher, released: false })
  }

  overrun(publisher: string): boolean {
    this.#overrun = true
    const { owner, pattern } = this
    this.#components.emit({ kind: 'slow-consumer', owner, pattern, publisher, released: true })
    return true
  }

  #read(item: Queued): Message | undefined {
    const message = this.#screen.read(item.topic, item.bytes, item.message)
    if (message !== undefined) this.#stats.delivered++
    return message
  }

  #take(): Message | undefined {
    for (let item = this.#next(); item !== undefined; item = this.#next()) {
      if (this.overflow === 'reject') this.#relieve()
      const message = this.#read(item)
      if (message !== undefined) return message
    }
    return undefined
  }

  #next(): Queued | undefined {
    const item = this.#queue.shift() ?? this.#back.shift()
    if (this.#spill !== undefined && this.#back.length === 0 && !this.#queue.pressed) this.#spill.refill()
    return item
  }

  #relieve(): void {
    while (this.#parked.length > 0 && this.#queue.push(this.#parked.peek()!, this.#parked.peek()!.bytes.length))
      this.#parked.shift()
    if (this.#queue.pressed) return
    this.#overrun = false
    this.#components.pressure.release(this)
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    const iterator: AsyncIterator<Message> = {
      next: () => {
        const message = this.#closed ? undefined : this.#take()
        if (message !== undefined) return Promise.resolve({ done: false, value: message })
        if (this.#closed) return Promise.resolve({ done: true, value: undefined })
        return new Promise((take) => this.#readers.push({ iterator, take }))
      },
      return: () => {
        this.#dismiss(this.#readers.filter((reader) => reader.iterator === iterator))
        return Promise.resolve({ done: true, value: undefined })
      }
    }
    return iterator
  }

  /** They get nothing more: a message must not go to somebody who has left. */
  #dismiss(readers: readonly Reader[]): void {
    this.#readers = this.#readers.filter((reader) => !readers.includes(reader))
    for (const { take } of readers) take({ done: true, value: undefined })
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    this.#components.closed(this)
    this.#components.pressure.release(this)
    this.#spill?.close(!this.#components.stopping())
    this.#queue.clear()
    this.#parked.clear()
    this.#aborter.abort(new MeshError('ERR_ABORTED', `the subscription to ${this.pattern} was closed`))
    this.#dismiss(this.#readers)
    return Promise.resolve()
  }

  unsubscribe(): Promise<void> {
    return this.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  stats(): SubscriptionStats {
    return {
      ...this.#stats,
      ...this.#screen.counts,
      queued: this.#queue.length + this.#parked.length + this.#back.length + (this.#spill?.length ?? 0),
      queuedBytes: this.#queue.bytes + this.#parked.bytes
    }
  }
}
