import type { Message, Payload } from '../../../protocols/envelope/message.ts'
import type { QueueOptions } from '../../core/flow/queue-options.ts'
import type { StreamLimits } from '../../core/pubsub/stream.ts'
import type { CausalDriver } from '../causality/driver.ts'
import type { Links } from '../links/types.ts'
import type { Membership } from '../membership/types.ts'
import type { Broadcast, Clock, Dice, Disk, Host } from '../ports.ts'
import type { SpillHost, SpillQueue } from '../storage/spill-queue.ts'
import type { StorageReport, Store } from '../storage/types.ts'
import type { OrderedEvent, PublicationOrdering } from './ordered/types.ts'
import type { Publication } from './subscription-spill.ts'

/** How a message becomes bytes inside a batch. `decode` gives a new object each time: that is what isolates subscribers. */
export interface MessageCodec {
  encode(message: Message): Uint8Array
  decode(bytes: Uint8Array): Message
}

export interface PubSubComponents {
  membership: Membership
  links: Links
  broadcast: Broadcast
  host: Pick<Host, 'peer' | 'sign' | 'verify'>
  clock: Clock
  dice: Dice
  codec: MessageCodec
  /** Left out: no publication has a place in the causal order. */
  order?: CausalDriver | undefined
  /** Left out: nothing is published in total order. */
  ordering?: PublicationOrdering | undefined
  emit(event: PubSubEvent): void
  overflow: SubscriptionOverflow
  /** Told of what is damaged in the log of publications. Default: nobody is. */
  report?: StorageReport | undefined
  limits?: Partial<PubSubLimits>
}

export interface PubSubLimits {
  /** Nodes to which one topic goes over links before it goes wide. Default 32: the protocol's README weighs it. */
  directFanout: number
  /** Share of `directFanout` below which a topic returns to links. 0.75, a guess. */
  calm: number
  /** Bytes of one encoded message: `ERR_MESSAGE_TOO_LARGE`. Default 16 MiB less 4 KiB for what its frame adds; the links' own bound may be lower. */
  messageBytes: number
  /** Bytes of messages that wait here for a slow receiver; beyond, `ERR_QUEUE_FULL`. Default 8 MiB. */
  waitingBytes: number
  /** Bytes on wide channels that no receiver has acknowledged. Default 1 MiB: gossipsub bounds nothing by itself. */
  windowBytes: number
  /** ms after which an acknowledgement asked for the window is no longer waited for. Default 1,000 (a guess). */
  acknowledgement: number
  /** ms that further receivers may take to acknowledge once `waitFor` is met. Default 100 (a guess). */
  grace: number
  /**
   * ms for which one slow receiver or subscription, or one that does not answer when a topic changes its path, may hold up
   * a publisher. Default 5,000 (a guess).
   */
  stall: number
  /** ms after joining a channel until a node relies on it: three heartbeats of gossipsub, in which its mesh has formed. */
  settle: number
  /** ms of silence after which a channel's last number is told once more, so that a lost last packet is noticed. Default 250 (a guess). */
  tail: number
  /** Packets and bytes kept for repairs; of batches for at-least-once, for each receiver that is away. */
  history: { packets: number; bytes: number }
  /** ms for which batches are kept for an at-least-once receiver that is away, or that takes none. Default 60,000 (a guess). */
  retention: number
  /** Topics whose routes and matches are remembered. */
  topics: number
  /** Subscriptions open on this node: `ERR_LIMIT`. Default 10,000. */
  subscriptions: number
  /** Publishers whose streams are remembered. */
  publishers: number
  /** Patterns taken from one peer's announcements. */
  patternsPerPeer: number
  /** Bytes of packets whose signature is being checked; more are dropped and repaired later. */
  unverifiedBytes: number
  stream: StreamLimits
  log: LogLimits
}

/** What a node keeps of what it publishes, for those who read it later. */
export interface LogLimits {
  /** Messages and bytes of them in memory: all there is without a data folder. Default 16,384 and 8 MiB (as `history`). */
  recent: { messages: number; bytes: number }
  /** Messages, bytes and ms on disk. Default 10,000,000, 64 MiB and 7 days (guesses). */
  retention: { messages: number; bytes: number; age: number }
  /** Bytes waiting for the disk at which publishers wait. Default 8 MiB, as a link's queue. */
  unwritten: number
  /** Bytes at which they are written though nobody waits for them. Default 256 KiB (a guess). */
  group: number
  /** ms after which they are written though nobody waits. Default 100 (a guess). */
  linger: number
  /** ms without a word from a publisher after which a reader asks again. Default 5,000 (a guess). */
  poll: number
  /** What each durable subscription keeps of each publisher for others, should it die. Default 1,024 messages and 1 MiB (guesses). */
  replica: { messages: number; bytes: number }
  /** Readers that one peer may have open here; more are not answered. Default 10,000, as `patternsPerPeer`. */
  readers: number
  /** ms between two writes of how far a durable subscription is. Default 100 (a guess): what was acknowledged within comes again after a crash. */
  cursor: number
}

export interface PublishOptions {
  /**
   * Resolves once the message is in this node's log on disk as well: durable subscriptions get it though this process dies
   * now. `ERR_NO_DATA_DIR`, `ERR_STORAGE` (then those who subscribe at most once may have got it all the same).
   */
  durable?: boolean | undefined
  /** Waits until so many subscriptions are known, and resolves once so many were reached, before their filters. */
  waitFor?: { subscribers: number } | undefined
  /** ms for the whole call. Default 5,000 with `waitFor`; without it no bound but the stall's. 0 never waits: `ERR_BACKPRESSURE`. */
  timeout?: number | undefined
  signal?: AbortSignal | undefined
  /** With `ordering: 'total'`: what is published under one key, to whatever topics, is one sequence. Default: that of the topic. */
  key?: string | undefined
}

export interface Evidence {
  id: string
  topic: string
  /** `local`: no other node wants the topic. `group`: it stands in a group's log, which every subscriber reads. */
  path: 'local' | 'direct' | 'gossip' | 'group'
  /** In total order: its number in its sequence. */
  sequence?: number
  /** Subscriptions reached where `acknowledged`; else those known to want it. */
  subscribers: number
  /** One element a node that has acknowledged, this one included. */
  peers: { peer: string; subscribers: number }[]
  acknowledged: boolean
}

export interface SubscribeOptions extends QueueOptions {
  /** Runs here, at the subscriber. One that throws is counted and the message is not delivered. */
  filter?: ((message: Message<Payload>) => boolean) | undefined
  /**
   * Default `'at-most-once'`. `'at-least-once'`: what a living publisher publishes is handed out at least once, in its order,
   * also after lost links and partitions: what its stream does not keep so long is read from its log. What is not there any more is
   * told by `ERR_GAP`, and so is what finds no room here after nothing was read for a minute.
   */
  delivery?: 'at-most-once' | 'at-least-once' | undefined
  /**
   * Default `'drop-oldest'`; with at-least-once `'reject'`, and anything else is `ERR_CONFIG`. `'spill-to-disk'`: what does not
   * fit waits on disk, in order, and so does all that comes until it is read; needs a `dataDir` (`ERR_NO_DATA_DIR`). What
   * waits there when the node ends is read by the next subscription of this agent to this pattern that spills; `close`
   * discards it. `'redirect'`: it is sent to the agent that `redirect` names, at most once, with its type and data, the
   * topic as its subject, in its trace and with what is left of its `ttl`.
   */
  overflow?: 'drop-oldest' | 'drop-newest' | 'reject' | 'spill-to-disk' | 'redirect' | undefined
  redirect?: RedirectTarget | undefined
  /**
   * With `name`: the subscription resumes where it stopped, also after its process and its publishers have been started
   * anew; `ERR_NO_DATA_DIR` on a node without a data folder, `ERR_ALREADY_REGISTERED` while this agent has it open.
   */
  durable?: boolean | undefined
  /** What a durable subscription is called, 1 to 128 characters; each agent has names of its own. */
  name?: string | undefined
  /**
   * Where it begins in what each publisher keeps of what it has published, and goes on from there without a gap: `'start'`,
   * a time, or a number (of one publisher, or of each). Default `'now'`. A durable subscription that resumes begins where it
   * stopped. Like `durable` it makes the delivery at-least-once, at the subscription's own pace: nobody waits for it.
   */
  from?: SubscribeFrom | undefined
}

export type RedirectTarget = string | { name: string; peer?: { toString(): string } | undefined }

/** Where to with what finds no room in a subscription. */
export interface SubscriptionOverflow {
  /** Throws `ERR_NO_DATA_DIR`. */
  openSpill(owner: string, pattern: string, host: SpillHost<Publication>): SpillQueue<Publication>
  closeSpill(queue: SpillQueue<Publication>, discard: boolean): void
  /** False where nobody can be told. */
  redirect(owner: string, topic: string, message: Message, to: RedirectTarget): boolean
  dropped(messages: number): void
  spilled(): void
}

export type SubscribeFrom =
  | 'now'
  | 'start'
  /** A date, or wall-clock ms, by the publisher's clock. `publisher`: a PeerId or its text; the others are read from now on. */
  | { time: Date | number; sequence?: undefined; publisher?: { toString(): string } | undefined }
  | { sequence: number; time?: undefined; publisher?: { toString(): string } | undefined }

/** Where in its publisher's log a message is. */
export interface LogPlace {
  /** PeerId. */
  readonly publisher: string
  /** Lives as long as the publisher's log: numbers of different epochs are of different logs. */
  readonly epoch: number
  /** From 1, rising with each publication of that node. */
  readonly sequence: number
  /** When it was published: wall-clock ms of its publisher. */
  readonly time: number
}

export interface SubscriptionStats {
  received: number
  delivered: number
  filtered: number
  filterErrors: number
  dropped: number
  malformed: number
  /** Had outlived their `ttl` when their turn came: not handed out. */
  expired: number
  /** Handed out again, since a loop was left before it asked for the next. */
  redelivered: number
  /** Waiting, and with at-least-once also handed out and not acknowledged. */
  queued: number
  queuedBytes: number
}

/**
 * Leaving a loop does not close it; `close` or `await using` does. Several loops share the messages.
 *
 * With at-least-once, asking for the next message acknowledges the last; until then it keeps its place in the queue. Leaving
 * a loop asks for nothing, and JavaScript does not tell a `break` from an exception: so however it was left, its last
 * message comes again, first, in the next loop. Whoever takes messages one by one calls `next()` of one iterator. `next()`
 * rejects with `ERR_GAP` (`details`: `publisher`, and how many `batches` or `messages` where that is known) where messages of a
 * publisher that lives cannot be had any more; some may not have matched. The next loop goes on behind it. Unless it is
 * `durable` all this is in memory: what is unacknowledged or still queued when the subscription is closed, or its process
 * ends, is gone, and so is what a publisher had not brought when it died (the event `lost` tells that it came back).
 *
 * @example
 * await using subscription = pubsub.subscribe('orders.*.created', { filter: (m) => m.data.total > 100 }, 'audit')
 * await subscription.ready
 * for await (const message of subscription) …
 */
export interface Subscription extends AsyncIterable<Message<Payload>>, AsyncDisposable {
  readonly pattern: string
  /** From here on nothing published anywhere in the reachable mesh is missed. Rejects with `ERR_ABORTED` when closed before. */
  readonly ready: Promise<void>
  /** Of the message handed out last, where it was read from its publisher's log (`durable`, `from`): what `from` can go back to. */
  readonly position: LogPlace | undefined
  /** Ends it. Where a durable one stopped is remembered, on disk once this resolves (else `ERR_STORAGE`). */
  close(): Promise<void>
  /** Closes it and forgets where it stopped: its name begins anew. Rejects with `ERR_STORAGE`. */
  unsubscribe(): Promise<void>
  stats(): SubscriptionStats
}

export type RefusalReason = 'forged' | 'stale' | 'malformed' | 'unverified' | 'too-many-patterns'

export type PubSubEvent =
  /** `messages` were dropped since the last such event. At most one a second for each subscription and reason. */
  | {
      kind: 'overflow'
      owner: string
      pattern: string
      overflow: string
      reason: string
      messages: number
      bytes: number
    }
  | { kind: 'slow-consumer'; owner: string; pattern: string; publisher: string; released: boolean }
  /** `messages` had outlived their `ttl` when their turn came, since the last such event: at most one a second for each subscription. */
  | { kind: 'expired'; owner: string; pattern: string; messages: number }
  | { kind: 'filter-error'; owner: string; pattern: string; errors: number; error: unknown }
  | { kind: 'undelivered'; peer: string; reason: string; frames: number }
  | { kind: 'refused'; peer: string; reason: RefusalReason; count: number }
  /** Publications that did not reach the log on disk: whoever reads it will not get them. */
  | { kind: 'unlogged'; messages: number }
  /**
   * Packets of a wide channel; or batches for at-least-once subscriptions, or numbers of a publisher's log, of unknown number
   * where the publisher began anew.
   */
  | { kind: 'lost'; publisher: string; channel: number | undefined; packets: number | undefined }
  | OrderedEvent

export interface PubSubStats {
  published: number
  delivered: number
  duplicates: number
  refused: Record<RefusalReason, number>
  lost: number
  repaired: number
  fences: number
  undelivered: number
  batches: { direct: number; gossip: number }
  bytes: { direct: number; gossip: number }
}

/** What outlives the process. */
export interface Memory {
  store: Store
  /** A folder for the log of publications; left out where it is in memory. */
  disk: Disk | undefined
}

export interface PubSub {
  /** Goes on with what a former life has left, before anything is published or subscribed to. `ERR_STORAGE`. */
  open(memory: Memory): Promise<void>
  publish(message: Message, options?: PublishOptions): Promise<Evidence>
  /** `closed` is called once the subscription was closed, by whomever. */
  subscribe(
    pattern: string,
    options?: SubscribeOptions,
    owner?: string,
    closed?: (subscription: Subscription) => void
  ): Subscription
  stats(): PubSubStats
  /** Sends every batch now. */
  flush(): void
  stop(): Promise<void>
}
