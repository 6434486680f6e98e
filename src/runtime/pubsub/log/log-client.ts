import { MeshError } from '../../../../protocols/errors.ts'
import { decodeEntries } from '../../../../protocols/publish-subscribe/log-codec.ts'
import type { Fetch } from '../../../../protocols/publish-subscribe/messages.ts'
import type { QueueLimits } from '../../../core/flow/watermarks.ts'
import { covers } from '../../../core/pubsub/pattern.ts'
import type { Membership } from '../../membership/types.ts'
import type { Clock, Timer } from '../../ports.ts'
import type { Store } from '../../storage/types.ts'
import type { AssuredSubscription } from '../assured-subscription.ts'
import type { LogLimits, PubSubEvent, SubscribeOptions } from '../types.ts'
import { CursorStore } from './cursor-store.ts'
import type { FollowedLog } from './followed-log.ts'
import { fromOf } from './from.ts'
import { GapRepair, type LogGap } from './gap-repair.ts'
import { LogFeed } from './log-feed.ts'
import type { Feed, ReadableLog } from './types.ts'

export interface LogClientComponents {
  clock: Clock
  membership: Membership
  limits: LogLimits
  /** Sends the peer, or this node itself, what is asked. */
  ask(peer: string, fetch: Fetch): void
  emit(event: PubSubEvent): void
}

/** The subscriptions of this node that read publishers' logs. */
export class LogClient {
  readonly #c: LogClientComponents
  readonly #unsubscribe: () => void
  readonly #feeds = new Set<LogFeed | GapRepair>()
  readonly #readers = new Map<number, FollowedLog>()
  /** Durable subscriptions that are open, by agent and name. */
  readonly #names = new Set<string>()
  #store: Store | undefined
  #serial = 0
  #timer: Timer | undefined

  constructor(components: LogClientComponents) {
    this.#c = components
    this.#unsubscribe = components.membership.subscribe((event) => {
      if (event.kind === 'member-up') for (const feed of this.#feeds) feed.up(event.member.record.peer)
      else if (event.kind === 'member-down') for (const feed of this.#feeds) feed.down(event.member.record.peer)
    })
  }

  /** Where durable subscriptions keep how far they are. */
  open(store: Store): void {
    this.#store = store
  }

  /** Throws `ERR_NO_DATA_DIR`, `ERR_ALREADY_REGISTERED`. */
  check(owner: string, { durable, name }: SubscribeOptions): void {
    if (!durable) return
    if (!this.#store?.durable) {
      throw new MeshError('ERR_NO_DATA_DIR', 'a durable subscription needs a node with a data folder', {
        details: { key: 'durable' }
      })
    }
    if (this.#names.has(keyOf(owner, name!))) {
      const message = `${owner} has a durable subscription ${name} already`
      throw new MeshError('ERR_ALREADY_REGISTERED', message, { details: { name } })
    }
  }

  /** Begins to feed the subscription, which `check` has let through. */
  feed(subscription: AssuredSubscription, options: SubscribeOptions, limits: QueueLimits): Feed {
    const { pattern, owner } = subscription
    const { clock, ask, emit, membership } = this.#c
    const { durable, name } = options
    const cursors = durable ? new CursorStore(this.#store!, owner, name!) : undefined
    const feed = new LogFeed({
      ...{ clock, ask, emit, limits: this.#c.limits, pattern, cursors, subscription },
      from: fromOf(options.from),
      room: limits.maxQueue,
      members: () => [membership.self.peer, ...this.#others()],
      register: (make) => this.#register(make),
      unregister: (log) => this.#readers.delete(log.reader.id)
    })
    this.#feeds.add(feed)
    const key = keyOf(owner, name ?? '')
    if (durable) this.#names.add(key)
    this.#watch()
    const ready = feed.start()
    let forgetting = false
    const close = async () => {
      try {
        await feed.close()
      } finally {
        this.#feeds.delete(feed)
        if (durable && !forgetting) this.#names.delete(key)
      }
    }
    const forget = async (closed: Promise<void>) => {
      if (cursors === undefined) return closed
      if (!this.#feeds.has(feed)) this.check(owner, options)
      this.#names.add(key)
      forgetting = true
      try {
        await closed
        await cursors.forget()
      } finally {
        this.#names.delete(key)
      }
    }
    return { ready, settled: (place, bytes) => feed.settled(place, bytes), close, forget }
  }

  #others(): string[] {
    return [...this.#c.membership.members()].map(({ record }) => record.peer)
  }

  #register(make: (id: number) => FollowedLog): FollowedLog {
    const log = make(++this.#serial)
    this.#readers.set(log.reader.id, log)
    return log
  }

  /** Reads what the subscription misses of a publisher's stream; resolves when it has that, is told what is lost, or can go no further. */
  repair(subscription: AssuredSubscription, gap: LogGap): Promise<number> {
    const { clock, ask, emit } = this.#c
    const { promise, resolve } = Promise.withResolvers<number>()
    const end = () => {
      this.#feeds.delete(repair)
      this.#readers.delete(repair.log.reader.id)
      resolve(repair.at)
    }
    const repair = new GapRepair({
      ...{ clock, ask, gap, subscription, done: end },
      register: (make) => this.#register(make),
      others: () => this.#others(),
      lost: (packets) => emit({ kind: 'lost', publisher: gap.publisher, channel: undefined, packets })
    })
    const closed = () => {
      repair.stop()
      end()
    }
    subscription.signal.addEventListener('abort', closed, { once: true })
    this.#feeds.add(repair)
    this.#watch()
    repair.start()
    return promise.finally(() => subscription.signal.removeEventListener('abort', closed))
  }

  #watch(): void {
    this.#timer ??= this.#c.clock.after(this.#c.limits.poll, () => {
      this.#timer = undefined
      for (const feed of this.#feeds) feed.poll()
      if (this.#feeds.size > 0) this.#watch()
    })
  }

  /** A frame of entries from the peer. `ERR_MALFORMED`. */
  entries(peer: string, body: Uint8Array): void {
    const frame = decodeEntries(body)
    this.#readers.get(frame.reader)?.entries(peer, frame)
  }

  broken(peer: string): void {
    for (const feed of this.#feeds) feed.broken(peer)
  }

  /** The most that was received here of a publisher's messages of a pattern, where nothing that matches it is left out. */
  replica(publisher: string, pattern: string): ReadableLog | undefined {
    let best: ReadableLog | undefined
    for (const feed of this.#feeds) {
      if (!covers(feed.pattern, pattern)) continue
      for (const { publisher: of, replica } of feed.logs) {
        if (of === publisher && replica !== undefined && replica.last > (best?.last ?? 0)) best = replica
      }
    }
    return best
  }

  stop(): void {
    this.#unsubscribe()
    this.#timer?.cancel()
  }
}

function keyOf(owner: string, name: string): string {
  return `${owner}\n${name}`
}
