import type { Format } from '../../../protocols/envelope/message.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { FRAMING_VERSION, type Lane } from '../../../protocols/framing/constants.ts'
import type { Hello } from '../../../protocols/framing/messages.ts'
import type { Channel, Clock, Dice, Host, Timer } from '../ports.ts'
import { type LinkLimits, type LinkOwner, StreamLink } from './link.ts'
import { Turn } from './turn.ts'
import type { LinkHandler, Links } from './types.ts'

export interface LinkTableOptions {
  host: Host
  clock: Clock
  dice: Dice
  formats: readonly Format[]
  limits: LinkLimits & {
    /** Inbound streams that one peer may have open. */
    streamsPerPeer: number
    /** ms for the first frame of a new stream, or for the stream itself to open. */
    handshakeTimeout: number
    /** ms that a frame may stay unfinished. */
    readTimeout: number
    /** ms without a frame after which an outbound link is closed. */
    idleTimeout: number
  }
  onEvent: (event: LinkEvent) => void
  /** Something came from the peer: it lives. */
  onHeard: (peer: string) => void
}

export type LinkEvent =
  /** The peer does not consume what it is sent: its senders here now wait. */
  | { kind: 'slow-consumer'; peer: string; lane: Lane; queued: number }
  /** A stream was reset for what came over it. */
  | { kind: 'refused'; peer: string; protocol: string; code: string; message: string }

/** Back-off between attempts to reach a peer: 50 ms doubling to 5 s, full jitter. A guess, halved by each test of it. */
const BACKOFF = { first: 50, most: 5_000 } as const
const SWEEP = 1_000

/** A peer that could not be reached: how often in a row, until when (monotonic ms) it is not tried, and whom that ends for. */
interface Failure {
  count: number
  until: number
  over: PromiseWithResolvers<void> | undefined
}

/** All links of a node, by peer, protocol and lane. */
export class LinkTable implements Links, LinkOwner {
  readonly clock: Clock
  readonly turn: Turn
  readonly hello: Hello
  readonly limits: LinkTableOptions['limits']
  /** How many streams were reset, by error code. */
  readonly refusals = new Map<string, number>()
  readonly #options: LinkTableOptions
  readonly #handlers = new Map<string, LinkHandler>()
  /** By peer, then protocol, then lane: looked up for each message. */
  readonly #outbound = new Map<string, Map<string, Partial<Record<Lane, StreamLink>>>>()
  readonly #inbound = new Map<string, Set<StreamLink>>()
  readonly #failures = new Map<string, Failure>()
  /** What each peer's hellos said, so that a new link need not find out by losing its stream. */
  readonly #maxFrames = new Map<string, number>()
  #sweeper: Timer | undefined
  #stopped = false

  constructor(options: LinkTableOptions) {
    this.#options = options
    this.clock = options.clock
    this.limits = options.limits
    this.turn = new Turn(options.clock)
    this.hello = {
      version: FRAMING_VERSION,
      ...options.limits.window,
      maxFrame: options.limits.maxFrame,
      formats: [...options.formats]
    }
    this.#sweep()
  }

  register(handler: LinkHandler): void {
    this.#handlers.set(handler.protocol, handler)
    for (const lane of handler.lanes) {
      this.#options.host.handle(`${handler.protocol}/${lane}`, (channel) => this.#accept(handler, lane, channel))
    }
  }

  to(peer: string, protocol: string, lane: Lane): StreamLink {
    return this.#outbound.get(peer)?.get(protocol)?.[lane] ?? this.#begin(peer, protocol, lane)
  }

  #begin(peer: string, protocol: string, lane: Lane): StreamLink {
    if (this.#stopped) throw new MeshError('ERR_STOPPED', 'the node is stopped')
    const handler = this.#handlers.get(protocol)
    if (handler === undefined) throw new MeshError('ERR_UNSUPPORTED', `no handler for ${protocol}`)
    const link = new StreamLink(this, handler, peer, lane, 'outbound')
    let protocols = this.#outbound.get(peer)
    if (protocols === undefined) this.#outbound.set(peer, (protocols = new Map()))
    const lanes = protocols.get(protocol)
    if (lanes === undefined) protocols.set(protocol, { [lane]: link })
    else lanes[lane] = link
    void this.#open(link)
    return link
  }

  /** Every open link, outbound and inbound. */
  *all(): Iterable<StreamLink> {
    for (const protocols of this.#outbound.values()) {
      for (const lanes of protocols.values()) yield* Object.values(lanes)
    }
    for (const links of this.#inbound.values()) yield* links
  }

  /** Whether anything has not left yet. */
  get waiting(): boolean {
    for (const link of this.all()) if (link.queued > 0) return true
    return false
  }

  flush(): void {
    for (const link of this.all()) link.flush()
  }

  /** Sends what waits and closes every link. Bounded by the caller. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#sweeper?.cancel()
    await Promise.allSettled([...this.all()].map((link) => link.close()))
  }

  /** A connection to the peer came up: nothing speaks for waiting any longer. */
  reachable(peer: string): void {
    this.#failures.get(peer)?.over?.resolve()
    this.#failures.delete(peer)
    // It may have been started anew, with other limits.
    this.#maxFrames.delete(peer)
  }

  // ---- LinkOwner ---------------------------------------------------------------------------------------------------

  maxFrameOf(peer: string): number {
    return this.#maxFrames.get(peer) ?? this.limits.maxFrame
  }

  greeted({ peer }: StreamLink, { maxFrame }: Hello): void {
    if (this.#maxFrames.size > 4096) this.#maxFrames.clear()
    this.#maxFrames.set(peer, maxFrame)
  }

  linkClosed(link: StreamLink, error: Error | undefined): void {
    if (link.direction === 'outbound') {
      this.#forget(link)
    } else {
      const links = this.#inbound.get(link.peer)
      links?.delete(link)
      if (links?.size === 0) this.#inbound.delete(link.peer)
    }
    if (error instanceof MeshError && REFUSALS.has(error.code)) this.#refused(link.peer, link.protocol, error)
  }

  #forget({ peer, protocol, lane }: StreamLink): void {
    const protocols = this.#outbound.get(peer)
    const lanes = protocols?.get(protocol)
    if (protocols === undefined || lanes === undefined) return
    delete lanes[lane]
    if (Object.keys(lanes).length === 0) protocols.delete(protocol)
    if (protocols.size === 0) this.#outbound.delete(peer)
  }

  heard(peer: string): void {
    this.#options.onHeard(peer)
  }

  slowConsumer(link: StreamLink): void {
    this.#options.onEvent({ kind: 'slow-consumer', peer: link.peer, lane: link.lane, queued: link.queued })
  }

  controlUsedAt(peer: string): number {
    let at = Number.NEGATIVE_INFINITY
    for (const link of this.#linksOf(peer)) if (link.urgent && link.lastActive > at) at = link.lastActive
    return at
  }

  *#linksOf(peer: string): Iterable<StreamLink> {
    for (const lanes of this.#outbound.get(peer)?.values() ?? []) yield* Object.values(lanes)
    yield* this.#inbound.get(peer) ?? []
  }

  // ---- opening -----------------------------------------------------------------------------------------------------

  #accept(handler: LinkHandler, lane: Lane, channel: Channel): void {
    const { peer } = channel
    let links = this.#inbound.get(peer)
    if (links === undefined) this.#inbound.set(peer, (links = new Set()))
    if (this.#stopped || links.size >= this.limits.streamsPerPeer) {
      const error = new MeshError('ERR_LIMIT', `more than ${this.limits.streamsPerPeer} streams`)
      channel.onBytes = channel.onClose = () => {}
      channel.abort(error)
      this.#refused(peer, handler.protocol, error)
      return
    }
    const link = new StreamLink(this, handler, peer, lane, 'inbound')
    links.add(link)
    link.attach(channel)
  }

  async #open(link: StreamLink): Promise<void> {
    const { peer } = link
    const failure = this.#failures.get(peer)
    if (failure !== undefined) await this.#backOff(failure)
    if (link.closed) return
    const deadline = new AbortController()
    const timer = this.clock.after(this.limits.handshakeTimeout, () =>
      deadline.abort(new MeshError('ERR_TIMEOUT', `no stream to ${peer} within ${this.limits.handshakeTimeout} ms`))
    )
    try {
      const channel = await this.#options.host.open(peer, `${link.protocol}/${link.lane}`, { signal: deadline.signal })
      this.#failures.delete(peer)
      if (link.closed) channel.abort(new MeshError('ERR_LINK_CLOSED', 'the link was closed while it opened'))
      else link.attach(channel)
    } catch (error) {
      this.#failed(peer)
      link.abort(error as Error)
    } finally {
      timer.cancel()
    }
  }

  /** Until its time is over, or the peer is heard to be reachable. */
  async #backOff(failure: Failure): Promise<void> {
    const wait = failure.until - this.clock.monotonic()
    if (wait <= 0) return
    failure.over ??= Promise.withResolvers()
    const timer = this.clock.after(wait, failure.over.resolve)
    await failure.over.promise
    timer.cancel()
  }

  /** Links that were being opened together fail together: that is one failure, and whoever waits for its end still does. */
  #failed(peer: string): void {
    const now = this.clock.monotonic()
    const former = this.#failures.get(peer)
    if (former !== undefined && now < former.until) return
    const count = (former?.count ?? 0) + 1
    const most = Math.min(BACKOFF.most, BACKOFF.first * 2 ** (count - 1))
    const until = now + most * this.#options.dice.random()
    if (this.#failures.size > 4096) this.#failures.clear()
    this.#failures.set(peer, { count, until, over: undefined })
  }

  #refused(peer: string, protocol: string, error: MeshError): void {
    this.refusals.set(error.code, (this.refusals.get(error.code) ?? 0) + 1)
    this.#options.onEvent({ kind: 'refused', peer, protocol, code: error.code, message: error.message })
  }

  // ---- deadlines ---------------------------------------------------------------------------------------------------

  #sweep(): void {
    const now = this.clock.monotonic()
    const { readTimeout, handshakeTimeout, idleTimeout } = this.limits
    for (const link of [...this.all()]) {
      const quiet = now - link.lastActive
      if (link.unfinishedSince >= 0 && now - link.unfinishedSince > readTimeout) {
        link.abort(new MeshError('ERR_LIMIT', `a frame stayed unfinished for ${readTimeout} ms`))
      } else if (!link.greeted && now - link.attachedAt > handshakeTimeout) {
        link.abort(new MeshError('ERR_LIMIT', `no hello within ${handshakeTimeout} ms`))
      } else if (link.direction === 'outbound' && quiet > idleTimeout && !link.busy) {
        void link.close().catch(() => {})
      }
    }
    this.#sweeper = this.clock.after(SWEEP, () => this.#sweep())
  }
}

/** What a peer did, as against what happened to the connection. */
const REFUSALS = new Set<string>([
  'ERR_PROTOCOL',
  'ERR_MALFORMED',
  'ERR_MESSAGE_TOO_LARGE',
  'ERR_LIMIT',
  'ERR_UNSUPPORTED',
  'ERR_UNTRUSTED'
])
