import type {
  Consistency,
  Delivery,
  Message,
  Ordering,
  Payload,
  Priority,
  RetryStrategy
} from '../../protocols/envelope/message.ts'

/** Bounds the caller's wait only; `ttl` bounds a message's life. */
export interface WaitOptions {
  signal?: AbortSignal | undefined
  /** ms, at most 2 ** 40 (34 years); `Infinity` is no bound. */
  timeout?: number | undefined
}

/** Whom a message is for: an agent's name, or one host or instance of that name. */
export type Target = string | { name: string; peer?: { toString(): string } | undefined; instance?: string | undefined }

/** What a handler knows beside the message. */
export interface Context {
  /** Aborted when nobody waits for the result any longer: cancelled, timed out, the sender gone, or this node stopped. */
  readonly signal: AbortSignal
  /** 1 for the first transmission. */
  readonly attempt: number
  readonly sender: { readonly peer: string; readonly agent: string }
  /** Wall-clock ms after which nobody waits; undefined: no deadline. */
  readonly deadline: number | undefined
  /** The message is processed, whatever the handler does afterwards. Only for `receive`. */
  ack(): void
  /** Asks for redelivery after `delay` ms (at most a day: `ERR_CONFIG`), or as the sender's retry strategy says. Only for `receive`. */
  nak(delay?: number): void
  /** Gives the message up: its sender fails with `ERR_TERMINATED` and does not try again. Only for `receive`. */
  term(reason?: string): void
  /** Starts the handler's time anew. Only for `receive`. */
  working(): void
  /** The agent's state. What is read of it here is checked at `commit`. */
  readonly state: AgentState
  /**
   * Changes the state, all of it or nothing; of a message received, the fact that it was handled is in the same write, and
   * nothing that the handler does afterwards takes it back. Resolves once that is on disk (where there is a `dataDir`).
   * For `handle` it changes the state alone, as often as it is called.
   *
   * Rejects with `ERR_CONFLICT` where what was read has changed since (it may be read and committed again);
   * `ERR_SETTLED` where the message has met its end: committed, acknowledged, refused, or its time is up;
   * `ERR_STORAGE` where it could not be written: then nothing happened, and the message comes again. `ERR_CONFIG`,
   * `ERR_UNREPRESENTABLE`.
   */
  commit(changes?: readonly StateChange[]): Promise<void>
}

/** What an agent remembers on a host: by key, whatever a message can carry. Kept in the `dataDir`, else in memory. */
export interface AgentState {
  /**
   * Undefined where there is none. Never what a crash could take back, but for a handler of `receive`, whose own commit and
   * acknowledgement go down with it. `ERR_STORAGE`, `ERR_CORRUPT`, `ERR_CONFIG` (no key).
   */
  get(key: string): Promise<Payload | undefined>
  /** All of it, in the order of the keys. */
  entries(): AsyncIterable<readonly [key: string, value: Payload]>
}

export type StateChange =
  | { readonly type: 'put'; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly key: string }

/** Returning acknowledges, throwing asks for redelivery. */
export type Receiver = (message: Message<Payload>, ctx: Context) => unknown

/** Returns the reply's data, or a promise of it; a generator, `async` or not, answers with a stream. */
export type RequestHandler = (message: Message<Payload>, ctx: Context) => unknown

/** What becomes of a message that finds no room in a handler's mailbox. */
export type MailboxOverflow = 'reject' | 'drop-oldest' | 'drop-newest' | 'spill-to-disk' | 'redirect'

export interface MailboxOptions {
  /**
   * Default `'reject'`: senders are slowed from the high watermark on, what is under way then keeps its sender's credit and
   * waits, and what no credit bounds is refused with `ERR_QUEUE_FULL`. With any other strategy senders are not slowed, as
   * long as there is a way out:
   *
   * - `'drop-oldest'`, `'drop-newest'`: the message is dropped. To drop one that is acknowledged is to refuse it: its sender
   *   tries again, and hears of it in the end.
   * - `'spill-to-disk'`: it waits on disk, behind those that do already, and so does all that comes until they are read;
   *   needs a `dataDir` (`ERR_NO_DATA_DIR`). It is acknowledged once it was handled. An at-most-once message that waits when
   *   the node ends is handled after its next start, once an agent of that name receives that type in this way; one that is
   *   acknowledged is its sender's, which sends it again.
   * - `'redirect'`: it is sent on, to another member of the group or as `redirect` says, and acknowledged once it was
   *   handled there, in the order of arrival. What has a `key`, names this instance, or was sent exactly-once, stays; so does what was sent on
   *   8 times. Then, and where nobody else can take it, senders are slowed.
   *
   * Each tells by the event `overflow` and counts in `node.counters()`.
   */
  overflow?: MailboxOverflow | undefined
  /** Messages waiting from which senders are slowed. Default `limits.mailbox.highWatermark`, at most `maxQueue.messages`. */
  highWatermark?: number | undefined
  /** Messages waiting at which they may go on. Default `limits.mailbox.lowWatermark`, at most a quarter of `highWatermark`. */
  lowWatermark?: number | undefined
  /** What waits in memory at most. Defaults `limits.mailbox.messages` and `limits.mailbox.bytes`. */
  maxQueue?: { messages?: number | undefined; bytes?: number | undefined } | undefined
  /** Who takes what finds no room, with `overflow: 'redirect'`. Default: another member of this agent's group. */
  redirect?: Target | undefined
}

/** The mailbox is for `receive` only. */
export interface HandlerOptions extends MailboxOptions {
  /**
   * The effect of a handler is what it gives `ctx.commit`, and it happens once. A handler whose commit meets
   * `ERR_CONFLICT` runs again by itself, in its place in the order; once it has committed, the next message may be begun
   * (of another key, where it has one), whatever it goes on with. Only for `receive`.
   *
   * How often a message comes is its sender's choice, and the weaker of the two holds: of one sent exactly-once the effect
   * happens once; of one sent at-least-once without `duplicateDetection` or `durable` each copy that comes has it; one
   * sent at-most-once may be lost. A handler without this option gets each message sent exactly-once until it has returned
   * once, so a crash in the middle repeats whatever it does by other means than `ctx.commit`.
   */
  delivery?: 'exactly-once' | undefined
  /** Messages handled at once. Default 1 for `receive` (they are handled in order), 256 for `handle` (a guess). */
  concurrency?: number | undefined
}

/**
 * The handlers that an agent starts with; more may be added by `receive` and `handle`. What is said of the mailbox holds for
 * every handler of `receive` that does not say otherwise. A handler with options is the pair of them.
 *
 * @example
 * await node.agent('worker', { receive: { 'order.placed': [store, { concurrency: 4 }] }, overflow: 'spill-to-disk' })
 */
export interface AgentHandlers extends MailboxOptions {
  receive?: WithOptions<Receiver> | Record<string, WithOptions<Receiver>> | undefined
  handle?: Record<string, WithOptions<RequestHandler>> | undefined
}

export type WithOptions<Handler> = Handler | readonly [handler: Handler, options: HandlerOptions]

/** What all sends have in common. What is left out, the message's type decides. */
export interface MessageOptions extends WaitOptions {
  /** Default `'phoenix.agent.message.send'`. */
  type?: string | undefined
  /**
   * The CloudEvents id. Default: one made here, sortable by time. With an acknowledged `send` an id of the caller's own makes
   * it idempotent: the same id from the same agent to the same name is the same message, remembered for
   * `limits.idRetention`, on disk where there is a `dataDir`; with other data or another type it is `ERR_ID_REUSED`.
   */
  id?: string | undefined
  subject?: string | undefined
  datacontenttype?: string | undefined
  dataschema?: string | undefined
  priority?: Priority | undefined
  consistency?: Consistency | undefined
  ordering?: Ordering | undefined
  /** ms after which the message is worthless: it is neither tried again nor handled. At most 2 ** 40 (34 years). */
  ttl?: number | undefined
}

export interface SendOptions extends MessageOptions {
  delivery?: Delivery | undefined
  /** Messages with one key go to one member, in order. */
  key?: string | undefined
  /**
   * The message is on disk when this resolves, and until it is settled: it outlives this process. Resolves with `'stored'`,
   * or `'delivered'` where that came first; `receipt.settled` is the end. At-least-once it leaves while it is being stored: what
   * is refused with `ERR_STORAGE` may have been delivered. It waits for an agent of that name, and for its
   * host, until its `ttl`, or else for `limits.durableTtl`. Needs `dataDir`: `ERR_NO_DATA_DIR`. Default false.
   */
  durable?: boolean | undefined
  /**
   * `'all'` reaches each member of the group that this node knows at the moment of sending, with a receipt for each. Of
   * hosts beyond its view, which the directory named, one instance each. Settles once each member's end is known: where some did
   * not take it, rejects as the first of them, with `details.receipts` of those that did and `details.refused`.
   */
  to?: 'one' | 'all' | undefined
  /** Attempts after the first. Default 3 (the specification's). */
  maxRetries?: number | undefined
  /** Default `'exponential'`, with full jitter. */
  retryStrategy?: RetryStrategy | undefined
  /** False: the message ends, as `'sent'`, when a link has taken it, and is tried again until then. Default true (the specification's). */
  acknowledgmentRequired?: boolean | undefined
  /**
   * The receiver recognises a second copy of the message, which it may get when an acknowledgement was lost, and does not
   * handle it. Always so with `durable` and exactly-once. Default false (the specification's).
   */
  duplicateDetection?: boolean | undefined
  /** The specification's struct, for whoever keeps its members together. What stands beside it goes first. */
  guarantee?: GuaranteeOptions | undefined
}

/** The specification's `Guarantee`: delivery and ordering are options of their own. */
export interface GuaranteeOptions {
  /** ms that one attempt may take without a sign of life. Default `limits.deliveryTimeout`: 5,000 (the specification's). */
  timeout?: number | undefined
  retryStrategy?: RetryStrategy | undefined
  maxRetries?: number | undefined
  acknowledgmentRequired?: boolean | undefined
  duplicateDetection?: boolean | undefined
}

export interface RequestOptions extends MessageOptions {
  key?: string | undefined
  /** The request may be tried on another member although it was transmitted to one. */
  idempotent?: boolean | undefined
}

/** What became of a message. */
export interface Receipt {
  readonly id: string
  readonly status: 'sent' | 'stored' | 'delivered' | 'duplicate'
  readonly attempts: number
  /** What carried it: `'tcp'`, `'relay'`, `'local'`, `'memory'` (the simulated mesh). */
  readonly transport: string
  /** `'local'`, `'direct'` or `'relayed'`. */
  readonly route: string
  /** The host reached; of a `'stored'` message the one it is meant for, or `''` where nobody is known yet. */
  readonly peer: string
  /**
   * The end of it: this receipt for a message whose fate is known, else the later one. Rejects with `ERR_MAX_RETRIES`,
   * `ERR_TTL`, `ERR_TERMINATED` (it is a dead letter then), and with `ERR_STOPPED` where this node stopped before: what is
   * stored goes on at its next start.
   */
  readonly settled: Promise<Receipt>
}
