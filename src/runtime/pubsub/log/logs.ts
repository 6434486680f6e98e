import { MeshError } from '../../../../protocols/errors.ts'
import { FRAME } from '../../../../protocols/publish-subscribe/constants.ts'
import { decodeFetch, encodeFetch } from '../../../../protocols/publish-subscribe/log-codec.ts'
import type { Fetch } from '../../../../protocols/publish-subscribe/messages.ts'
import type { QueueLimits } from '../../../core/flow/watermarks.ts'
import { validatePattern } from '../../../core/pubsub/topic.ts'
import type { Membership } from '../../membership/types.ts'
import type { Clock } from '../../ports.ts'
import type { StorageReport } from '../../storage/types.ts'
import type { Coalescer } from '../../telemetry/coalesce.ts'
import type { AssuredSubscription } from '../assured-subscription.ts'
import type { Outbound } from '../outbound.ts'
import type { LogLimits, Memory, PubSubEvent, SubscribeOptions } from '../types.ts'
import type { LogGap } from './gap-repair.ts'
import { LogClient } from './log-client.ts'
import { LogServer } from './log-server.ts'
import { PublicationLog } from './publication-log.ts'
import type { ReadableLog } from './types.ts'

export interface LogsComponents {
  clock: Clock
  membership: Membership
  outbound: Outbound
  coalescer: Coalescer
  limits: LogLimits
  emit(event: PubSubEvent): void
  report: StorageReport
  /** What streams have brought here, where it is whole and of that epoch. */
  streamed(publisher: string, pattern: string, epoch: number): ReadableLog | undefined
  /** Publishers that waited for the disk may go on. */
  open(): void
}

/** What this node keeps of what it publishes, who reads that, and what this node reads of others. */
export class Logs {
  readonly log: PublicationLog
  readonly #c: LogsComponents
  readonly #self: string
  readonly #server: LogServer
  readonly #client: LogClient

  constructor(components: LogsComponents) {
    const { clock, membership, limits, emit, report, coalescer, outbound } = components
    this.#c = components
    this.#self = membership.self.peer
    this.log = new PublicationLog({
      ...{ clock, limits, report, open: components.open },
      epoch: membership.self.incarnation,
      grown: () => this.#server.pump(),
      failed: (messages) => {
        for (let i = 0; i < messages; i++)
          coalescer.note('unlogged', 0, (count) => emit({ kind: 'unlogged', messages: count }))
      }
    })
    this.#client = new LogClient({ clock, membership, limits, emit, ask: (peer, fetch) => this.#ask(peer, fetch) })
    this.#server = new LogServer({
      own: this.log,
      replica: (publisher, pattern, epoch) =>
        components.streamed(publisher, pattern, epoch) ?? this.#client.replica(publisher, pattern),
      send: (peer, body) => (peer === this.#self ? this.#here(body) : outbound.offer(peer, FRAME.entries, body)),
      readers: limits.readers,
      read: (somebody) => {
        this.log.eager = somebody
      }
    })
  }

  async open({ store, disk }: Memory): Promise<void> {
    this.#client.open(store)
    if (disk !== undefined) await this.log.open(disk)
  }

  #ask(peer: string, fetch: Fetch): void {
    if (peer !== this.#self) this.#c.outbound.signal(peer, FRAME.fetch, encodeFetch(fetch))
    else this.#c.clock.endOfTurn(() => this.#server.fetch(peer, fetch))
  }

  /** For this node itself: in a turn of its own, as from a link. */
  #here(body: Uint8Array): boolean {
    this.#c.clock.endOfTurn(() => this.#client.entries(this.#self, body))
    return true
  }

  /** `ERR_MALFORMED`, `ERR_INVALID_TOPIC`. */
  fetch(peer: string, body: Uint8Array): void {
    const fetch = decodeFetch(body)
    if (fetch.turn !== 0) validatePattern(fetch.pattern)
    this.#server.fetch(peer, fetch)
  }

  entries(peer: string, body: Uint8Array): void {
    this.#client.entries(peer, body)
  }

  /** Ours to the peer carried what it reads here, the peer's to us what we read there. */
  unlinked(peer: string, direction: 'inbound' | 'outbound'): void {
    if (direction === 'outbound') this.#server.forget(peer)
    this.#client.broken(peer)
  }

  /** Links have room again. */
  pump(): void {
    this.#server.pump()
  }

  /** Throws `ERR_NO_DATA_DIR`. */
  checkDurable(): void {
    if (this.log.durable) return
    const message = 'a durable publication needs a node with a data folder'
    throw new MeshError('ERR_NO_DATA_DIR', message, { details: { key: 'durable' } })
  }

  /** Throws `ERR_NO_DATA_DIR`, `ERR_ALREADY_REGISTERED`. */
  check(owner: string, options: SubscribeOptions): void {
    this.#client.check(owner, options)
  }

  feed(subscription: AssuredSubscription, options: SubscribeOptions, limits: QueueLimits): void {
    const feed = this.#client.feed(subscription, options, limits)
    subscription.feed = feed
    const { signal } = subscription
    const closed = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    subscription.ready = Promise.race([feed.ready, closed])
    // Whoever does not wait for it is told by its loop.
    subscription.ready.catch((error) => subscription.fail(error))
  }

  /** Reads what the subscription misses of a publisher's stream; resolves with the number up to which it has that. */
  repair(subscription: AssuredSubscription, gap: LogGap): Promise<number> {
    return this.#client.repair(subscription, gap)
  }

  stop(): Promise<void> {
    this.#client.stop()
    this.#server.stop()
    return this.log.close()
  }
}
