import { HeaderDecoder } from '../../../protocols/envelope/header-decoder.ts'
import { HeaderEncoder } from '../../../protocols/envelope/header-encoder.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { COUNTED, FIRST_PROTOCOL_KIND, FRAMING_VERSION, Kind, type Lane } from '../../../protocols/framing/constants.ts'
import { FrameReader } from '../../../protocols/framing/frame-reader.ts'
import {
  type Credit,
  decodeCredit,
  decodeHello,
  encodeCredit,
  encodeHello,
  type Hello
} from '../../../protocols/framing/messages.ts'
import type { Channel } from '../ports.ts'
import { release } from '../release.ts'
import { ReceiveCredit } from './credit.ts'
import { Sender } from './sender.ts'
import type { SenderOwner } from './sender-port.ts'
import type { Link, LinkHandler } from './types.ts'

export interface LinkLimits {
  /** Bytes that may wait in one link for credit or for the socket. */
  queueBytes: number
  /** What this end is ready to take: the hello of each of its streams. */
  window: Credit
  maxFrame: number
}

/** What a link tells the table of links that made it. */
export interface LinkOwner extends SenderOwner {
  readonly hello: Hello
  readonly limits: LinkLimits
  greeted(link: StreamLink, hello: Hello): void
  linkClosed(link: StreamLink, error: Error | undefined): void
  slowConsumer(link: StreamLink): void
  heard(peer: string): void
}

/** A link over one channel. The channel may come later (`attach`): what is sent before waits here, bounded. */
export class StreamLink implements Link {
  readonly peer: string
  readonly protocol: string
  readonly lane: Lane
  readonly direction: 'inbound' | 'outbound'
  /** The state of the binary header in each direction. */
  readonly encoder = new HeaderEncoder()
  readonly decoder = new HeaderDecoder()
  /** What the protocol keeps for this link. */
  state: unknown
  /** What causal order keeps for the peer; undefined while nothing in that order went over this link. */
  order: unknown
  /** Monotonic ms since when an unfinished frame is held; -1: none. */
  unfinishedSince = -1
  greeted = false
  /** Monotonic ms when the channel came; from then on the peer owes its hello. Infinity before. */
  attachedAt = Number.POSITIVE_INFINITY
  /** Monotonic ms of the last bytes. */
  heardAt: number
  /** Counted frames that had not left when the link closed. */
  unsent = 0
  /** The peer's hello. */
  remote: Hello | undefined

  readonly #owner: LinkOwner
  readonly #handler: LinkHandler
  readonly #reader: FrameReader
  readonly #sender: Sender
  readonly #receive: ReceiveCredit
  #channel: Channel | undefined

  constructor(owner: LinkOwner, handler: LinkHandler, peer: string, lane: Lane, direction: 'inbound' | 'outbound') {
    this.#owner = owner
    this.#handler = handler
    this.peer = peer
    this.protocol = handler.protocol
    this.lane = lane
    this.direction = direction
    this.heardAt = owner.clock.monotonic()
    this.#reader = new FrameReader(owner.limits.maxFrame, (kind, body) => this.#frame(kind, body), release)
    this.#receive = new ReceiveCredit(owner.limits.window, owner.limits.maxFrame)
    this.#sender = new Sender(owner, this)
    this.#sender.sendUrgent(Kind.hello, encodeHello(owner.hello))
  }

  get closed(): boolean {
    return this.#sender.closed
  }

  /** False while nothing can have left yet. */
  get attached(): boolean {
    return this.#channel !== undefined
  }

  /** Whether what agents say with priority passes here. */
  get urgent(): boolean {
    return this.lane === 'control' && this.#handler.lanes.includes('bulk')
  }

  get writable(): boolean {
    return this.#sender.writable
  }

  /** Bytes waiting to leave. */
  get queued(): number {
    return this.#sender.queued
  }

  /** Monotonic ms of the last frame in either direction. */
  get lastActive(): number {
    return Math.max(this.heardAt, this.#sender.activeAt)
  }

  /** True while something waits to leave, to be consumed, or to be answered. */
  get busy(): boolean {
    return this.queued > 0 || this.#receive.outstanding > 0 || this.#handler.busy?.(this) === true
  }

  attach(channel: Channel): void {
    this.#channel = channel
    this.attachedAt = this.#owner.clock.monotonic()
    channel.onBytes = (chunk) => this.#bytes(chunk)
    channel.onDrain = () => this.#sender.unblocked()
    channel.onClose = (error) => this.#close(error)
    this.#sender.attach(channel)
  }

  // ---- sending -----------------------------------------------------------------------------------------------------

  send(kind: number, body: Uint8Array, counted: boolean): boolean {
    if (counted) return this.#sender.send(kind, body)
    this.#sender.sendUrgent(kind, body)
    return this.writable
  }

  /**
   * A frame that costs no credit and yet keeps its place behind what was sent before it. Never throws: it ends calls,
   * often from a timer. A peer that lets too many of them pile up loses its stream.
   */
  sendInOrder(kind: number, body: Uint8Array): void {
    this.#sender.sendInOrder(kind, body)
  }

  /** The buffer to encode into, between `begin` and `end`. */
  get buffer(): Buffer {
    return this.#sender.buffer
  }

  /** Starts a frame of at most `bound` body bytes in the batch being built; `kind` has COUNTED set or not. */
  begin(kind: number, bound: number): number {
    return this.#sender.begin(kind, bound)
  }

  /**
   * Ends the frame begun last. A `counted` frame costs credit; one that is not still keeps its place in the order.
   * Returns whether the sender may go on.
   */
  end(end: number, counted: boolean): boolean {
    return this.#sender.end(end, counted)
  }

  drained(): Promise<void> {
    return this.#sender.drained()
  }

  flush(): void {
    this.#sender.flush()
  }

  /** The peer does not take what waits for it: said once a stall. */
  stalled(): void {
    this.#owner.slowConsumer(this)
  }

  // ---- receiving ---------------------------------------------------------------------------------------------------

  consumed(bytes: number): void {
    const credit = this.#receive.consume(bytes)
    if (credit !== undefined) this.#sender.sendUrgent(Kind.credit, encodeCredit(credit))
  }

  #bytes(chunk: Uint8Array): void {
    if (this.closed) return
    this.heardAt = this.#owner.clock.monotonic()
    this.#owner.heard(this.peer)
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.abort(error as Error)
      return
    }
    if (this.#reader.held === 0) this.unfinishedSince = -1
    else if (this.unfinishedSince < 0) this.unfinishedSince = this.heardAt
  }

  #frame(kind: number, body: Uint8Array): void {
    if (this.closed) return
    // What is held after this belongs to another frame: chunks of a busy stream hardly ever end where frames do.
    this.unfinishedSince = -1
    if (!this.greeted && kind !== Kind.hello) throw new MeshError('ERR_PROTOCOL', 'the first frame is no hello')
    if (kind >= FIRST_PROTOCOL_KIND) {
      // Were it the sender's choice, a message without the bit would pass every bound that rests on credit.
      if (kind < COUNTED && this.#handler.counted?.has(kind) === true) {
        throw new MeshError('ERR_PROTOCOL', `a frame of kind ${kind} that costs no credit`)
      }
      if (kind >= COUNTED && !this.#receive.receive(body.length)) {
        throw new MeshError('ERR_PROTOCOL', `${this.peer} sends beyond its credit`)
      }
      this.#handler.frame(this, kind & ~COUNTED, body)
    } else if (kind === Kind.credit) {
      this.#sender.granted(decodeCredit(body))
    } else if (kind === Kind.hello && !this.greeted) {
      this.#greet(decodeHello(body))
    } else {
      throw new MeshError('ERR_PROTOCOL', `unexpected frame of kind ${kind}`)
    }
  }

  #greet(hello: Hello): void {
    if (hello.version !== FRAMING_VERSION) throw new MeshError('ERR_UNSUPPORTED', `framing version ${hello.version}`)
    this.greeted = true
    this.remote = hello
    this.#owner.greeted(this, hello)
    this.#sender.greeted(hello)
    this.#handler.opened?.(this)
    this.flush()
  }

  // ---- ending ------------------------------------------------------------------------------------------------------

  abort(error: Error): void {
    if (this.closed) return
    this.#channel?.abort(error)
    this.#close(error)
  }

  /** Sends what waits, as far as credit allows, and closes in good order. */
  async close(): Promise<void> {
    if (this.closed) return
    this.#sender.finish()
    const channel = this.#channel
    this.#close(undefined)
    await channel?.close()
  }

  #close(error: Error | undefined): void {
    if (this.closed) return
    this.unsent = this.#sender.close(error)
    this.#owner.linkClosed(this, error)
    this.#handler.closed?.(this, error)
  }
}
