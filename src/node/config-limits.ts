import * as v from 'valibot'

/**
 * What may wait for one handler of an agent before its senders are paused. A subscription has bounds of its own, which are
 * options of `subscribe`.
 */
export interface MailboxLimits {
  /**
   * Messages waiting at most. What is under way then keeps its sender's credit and waits; requests, and what no credit
   * bounds, are `ERR_QUEUE_FULL`. Default 2,000 (the API's example).
   */
  messages: number
  /** Messages waiting at which the sender is slowed. Default half of `messages`: 1,000. */
  highWatermark: number
  /** Messages waiting at which the sender may go on. Default a quarter of `highWatermark`: 250. */
  lowWatermark: number
  /** Bytes waiting at most, whatever their number. Default 2^24, 16 MiB (the API's example). */
  bytes: number
}

/**
 * What a node with a data folder keeps of what it publishes, for durable subscriptions and those that begin in the past. The
 * oldest go first, in steps of a 64th. Without a data folder it is the last 16,384 messages and 8 MiB, in memory.
 */
export interface RetentionLimits {
  /** Default 10,000,000 (a guess: more than the bytes let in). */
  messages: number
  /** Bytes on disk; up to an eighth more. Default 64 MiB (a guess). */
  bytes: number
  /** ms. Default 604,800,000: a week (a guess). */
  age: number
}

/**
 * Every bound of a node. Sizes are bytes and times are ms, whole numbers both.
 *
 * Batches have none: one leaves when it fills a Noise message or when the turn of the event loop ends, whichever comes
 * first, so the specification's 100 messages or 10 ms would only cut batches short, or delay what could leave now.
 */
export interface Limits {
  /**
   * Bytes of one message's data as it is written (`ERR_MESSAGE_TOO_LARGE`); larger data goes as a stream. Between agents of
   * one node the data of requests, replies and at-most-once messages is copied and never written, so there only a
   * `Uint8Array` is measured; what is acknowledged is written, and measured, wherever it goes. Default 16 MiB (the API).
   */
  messageBytes: number
  /** Bytes that wait for one link before `ERR_QUEUE_FULL`; a single message passes an empty queue. Default 8 MiB (the API). */
  linkQueueBytes: number
  /** Counted frames in flight on one link before its receiver gives credit back; below 1,024, what every link begins with, it has no effect. Default 4,096 (a guess). */
  creditMessages: number
  /** Bytes in flight on one link before its receiver gives credit back; below 256 KiB it has no effect. Default 4 MiB: 16 full Yamux windows (a guess). */
  creditBytes: number
  /** Streams that one peer may have open towards us, all protocols and lanes. Default 64 (a guess: a peer needs about 12). */
  streamsPerPeer: number
  /** ms to open a stream and agree on its protocol and options. Default 10,000 (libp2p's own dial and upgrade bound). */
  handshakeTimeout: number
  /** ms that a begun frame may take to arrive whole. Default 30,000 (the specification's HTTP/2 timeout). */
  readTimeout: number
  /** ms without a frame after which a link is closed. Default 300,000 (a guess). */
  idleTimeout: number
  /** ms within which a dead peer, or a half-open connection, is noticed. Default 5,000 (the specification's delivery timeout). */
  failureTimeout: number
  /** Other members kept in the view; past it the directory answers for the rest. Default 512 (a guess: about 1 MB). */
  members: number
  /** Members up to which each node keeps a connection to every other. Default 50 (the specification's bound for Distributed Erlang, a full mesh too; 1,225 connections). */
  fullMesh: number
  /** Agents registered on this node, all names. Default 100,000 (a guess: ten times what is measured flat). */
  agents: number
  /** Subscriptions open on this node. Default 10,000 (a guess: ten times what is measured flat). */
  subscriptions: number
  /** Peers up to which a publish goes to each over its link and not by gossip. Default 32 (measured: links won at 5 and at 20 peers). */
  directFanout: number
  /** ms that a request may take where the caller says nothing. Default 5,000 (the specification). */
  requestTimeout: number
  /** ms that one attempt of an at-least-once message may take. Default 5,000 (the specification). */
  deliveryTimeout: number
  /** ms that an at-most-once send may wait for room on its link. Default 1,000 (the specification). */
  atMostOnceTimeout: number
  /** ms that finding a name may take while the view is partial. Default 2,000 (the API). */
  resolveTimeout: number
  /** Attempts after the first. Default 3 (the specification). */
  maxRetries: number
  /** Bytes on disk of what one mailbox or subscription spilled. Default 4 GiB (a guess: an hour at 1.2 MB/s). */
  spillBytes: number
  /** Outstanding messages that are durable, numbered, have a key or an id of their own; past it `ERR_QUEUE_FULL`. Default 1,000,000 (a guess; 100,000 that wait on disk took 46 MB). */
  outboxMessages: number
  /** ms for which a durable message without a `ttl` is tried. Default 604,800,000, seven days (a guess: how long Kafka keeps). */
  durableTtl: number
  /** ms for which an id of a sender's own is remembered once its message has ended. Default 86,400,000, 24 h (the API). */
  idRetention: number
  /** Ids of senders' own remembered; the oldest go first. Default 1,000,000 (a guess: some 32 MB). */
  sentIds: number
  /** Dead letters kept; the oldest go first. Default 10,000 (a guess). */
  deadLetters: number
  /**
   * ms for which a message in causal order waits for one before it of which nobody can say where it is; six times as long
   * while its sender says that it is on its way. Then it goes on, and the event `causal-gap` tells. Default 5,000 (the
   * specification's delivery timeout).
   */
  causalGapTimeout: number
  /** Messages that wait here for what they follow; beyond it the oldest gap is passed over. Default 8,192 (a guess: two windows of credit). */
  causalWaiting: number
  /** Their bytes. Default 2^24, 16 MiB (as the mailbox). */
  causalWaitingBytes: number
  /**
   * ms for which a message in total order waits at its receiver for a number before it. Then that number is void (the event
   * `sequence-voided`), and what comes of it later is sent under another. Default 10,000 (a guess: two delivery timeouts).
   */
  totalGapTimeout: number
  mailbox: MailboxLimits
  retention: RetentionLimits
}

/** What a caller may give: any of the limits, and any of the mailbox's and of retention's. */
export type LimitOptions = { [K in Exclude<keyof Limits, 'mailbox' | 'retention'>]?: Limits[K] | undefined } & {
  mailbox?: { [K in keyof MailboxLimits]?: number | undefined } | undefined
  retention?: { [K in keyof RetentionLimits]?: number | undefined } | undefined
}

const MAX_BYTES = 2 ** 31 - 1
const MAX_TIMER = 2 ** 31 - 1

const whole = (unit: string, min: number, max: number) => {
  const rule = `must be a whole number of ${unit} from ${min} to ${max}`
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(min, rule), v.maxValue(max, rule))
}
const bytes = (fallback: number, min: number) => v.optional(whole('bytes', min, MAX_BYTES), fallback)
const ms = (fallback: number) => v.optional(whole('milliseconds', 1, MAX_TIMER), fallback)
const count = (of: string, fallback: number, min = 1) => v.optional(whole(of, min, 10_000_000), fallback)

const mailbox = v.pipe(
  v.strictObject(
    {
      messages: count('messages', 2_000),
      highWatermark: v.optional(whole('messages', 1, 10_000_000)),
      lowWatermark: v.optional(whole('messages', 0, 10_000_000)),
      bytes: bytes(2 ** 24, 1_024)
    },
    'must be an object'
  ),
  v.transform(({ messages, bytes, ...given }) => {
    const highWatermark = given.highWatermark ?? Math.max(1, Math.floor(messages / 2))
    const lowWatermark = given.lowWatermark ?? Math.floor(highWatermark / 4)
    return { messages, highWatermark, lowWatermark, bytes }
  }),
  v.forward(
    v.check(({ messages, highWatermark }) => highWatermark <= messages, 'must not be above limits.mailbox.messages'),
    ['highWatermark']
  ),
  v.forward(
    v.check(({ highWatermark, lowWatermark }) => lowWatermark < highWatermark, 'must be below the high watermark'),
    ['lowWatermark']
  )
)

const retention = v.strictObject(
  {
    messages: v.optional(whole('messages', 1, Number.MAX_SAFE_INTEGER), 10_000_000),
    bytes: v.optional(whole('bytes', 65_536, Number.MAX_SAFE_INTEGER), 64 * 2 ** 20),
    age: v.optional(whole('milliseconds', 1, Number.MAX_SAFE_INTEGER), 7 * 24 * 3_600_000)
  },
  'must be an object'
)

/** The defaults are written once, here; `Limits` says where each comes from. */
export const limits = v.strictObject(
  {
    messageBytes: bytes(16 * 2 ** 20, 1_024),
    linkQueueBytes: bytes(8 * 2 ** 20, 1_024),
    creditMessages: count('messages', 4_096),
    creditBytes: bytes(4 * 2 ** 20, 65_536),
    streamsPerPeer: count('streams', 64),
    handshakeTimeout: ms(10_000),
    readTimeout: ms(30_000),
    idleTimeout: ms(300_000),
    failureTimeout: ms(5_000),
    members: count('members', 512),
    fullMesh: count('members', 50, 0),
    agents: count('agents', 100_000),
    subscriptions: count('subscriptions', 10_000),
    directFanout: count('peers', 32, 0),
    requestTimeout: ms(5_000),
    deliveryTimeout: ms(5_000),
    atMostOnceTimeout: ms(1_000),
    resolveTimeout: ms(2_000),
    maxRetries: count('retries', 3, 0),
    spillBytes: v.optional(whole('bytes', 1_024, 2 ** 40), 2 ** 32),
    outboxMessages: count('messages', 1_000_000),
    durableTtl: ms(604_800_000),
    idRetention: ms(86_400_000),
    sentIds: count('ids', 1_000_000),
    deadLetters: count('letters', 10_000),
    causalGapTimeout: ms(5_000),
    causalWaiting: count('messages', 8_192),
    causalWaitingBytes: bytes(2 ** 24, 1_024),
    totalGapTimeout: ms(10_000),
    mailbox: v.optional(mailbox, {}),
    retention: v.optional(retention, {})
  },
  'must be an object'
)
