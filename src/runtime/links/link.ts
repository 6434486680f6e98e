import { HeaderDecoder, HeaderEncoder } from '../../../protocols/envelope/header.ts'
import { MeshError } from '../../../protocols/errors.ts'
import {
  BATCH_BYTES,
  BATCH_FRAMES,
  COUNTED,
  FIRST_PROTOCOL_KIND,
  FRAMING_VERSION,
  Kind,
  type Lane
} from '../../../protocols/framing/constants.ts'
import { FrameReader } from '../../../protocols/framing/frame-reader.ts'
import { FrameWriter } from '../../../protocols/framing/frame-writer.ts'
import {
  type Credit,
  decodeCredit,
  decodeHello,
  encodeCredit,
  encodeHello,
  type Hello
} from '../../../protocols/framing/messages.ts'
import type { Channel, Clock } from '../ports.ts'
import { release } from '../release.ts'
import { BatchQueue } from './batch-queue.ts'
import { BulkPace } from './bulk-pace.ts'
import { ReceiveCredit, SendCredit } from './credit.ts'
import type { Turn } from './turn.ts'
import type { Link, LinkHandler } from './types.ts'

export interface LinkLimits {
  /** Bytes that may wait in one link for credit or for the socket. */
  queueBytes: number
  /** What this end is ready to take: the hello of each of its streams. */
  window: Credit
  maxFrame: number
}

/** What a link tells the table of links that made it. */
export interface LinkOwner {
  readonly clock: Clock
  readonly turn: Turn
  readonly hello: Hello
  readonly limits: LinkLimits
  /** Bytes of a frame that the peer is known, or else assumed, to take. */
  maxFrameOf(peer: string): number
  greeted(link: StreamLink, hello: Hello): void
  linkClosed(link: StreamLink, error: Error | undefined): void
  slowConsumer(link: StreamLink): void
  /** Monotonic ms when what an agent sent or answered last passed on a control lane with the peer, either way. */
  controlUsedAt(peer: string): number
  heard(peer: string): void
}

/** Room for a batch and the frame that fills it. */
const SLAB_BYTES = BATCH_BYTES + 8192
/** Unsent bytes above which `writable` is false: two batches keep the socket busy, more only adds latency. A guess. */
const HIGH_WATER = 4 * BATCH_BYTES
/** Bytes of acknowledgements and credit that a peer which stopped reading may cost; then its stream is reset. */
const MAX_URGENT = 1 << 20

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
  /** Monotonic ms of the last frame in either direction, and since when an unfinished frame is held; -1: none. */
  lastActive: number
  unfinishedSince = -1
  greeted = false
  /** Monotonic ms when the channel came; from then on the peer owes its hello. Infinity before. */
  attachedAt = Number.POSITIVE_INFINITY
  /** Counted frames that had not left when the link closed. */
  unsent = 0
  /** The peer's hello. */
  remote: Hello | undefined

  readonly #owner: LinkOwner
  readonly #handler: LinkHandler
  readonly #reader: FrameReader
  readonly #writer = new FrameWriter(SLAB_BYTES, (slab) => {
    if (!this.#queue.holds(slab)) this.#spent.push(slab)
  })
  readonly #urgent = new FrameWriter(8192)
  readonly #send = new SendCredit()
  readonly #receive: ReceiveCredit
  /** Bytes waiting from which the link is not writable. */
  readonly #highWater: number
  readonly #pace: BulkPace | undefined
  #channel: Channel | undefined
  readonly #queue = new BatchQueue()
  /** Slabs whose bytes the channel has, and may still read while it is blocked. */
  readonly #spent: Uint8Array[] = []
  #frames = 0
  #counted = 0
  #blocked = false
  #scheduled = false
  #flushedIn = -1
  #closed = false
  #drained: PromiseWithResolvers<void> | undefined
  #slowSince = -1

  constructor(owner: LinkOwner, handler: LinkHandler, peer: string, lane: Lane, direction: 'inbound' | 'outbound') {
    this.#owner = owner
    this.#handler = handler
    this.peer = peer
    this.protocol = handler.protocol
    this.lane = lane
    this.direction = direction
    this.lastActive = owner.clock.monotonic()
    this.#reader = new FrameReader(owner.limits.maxFrame, (kind, body) => this.#frame(kind, body), release)
    this.#receive = new ReceiveCredit(owner.limits.window, owner.limits.maxFrame)
    this.#highWater = Math.min(HIGH_WATER, owner.limits.queueBytes)
    this.#pace = lane === 'bulk' ? new BulkPace(owner.clock, () => this.#pump()) : undefined
    this.#control(Kind.hello, encodeHello(owner.hello))
  }

  get closed(): boolean {
    return this.#closed
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
    return (
      !this.#closed &&
      this.#queue.bytes + this.#writer.size < this.#highWater &&
      this.#send.roomBeyond(this.#queue.frames + this.#frames, this.#queue.counted + this.#counted)
    )
  }

  /** Bytes waiting to leave. */
  get queued(): number {
    return this.#queue.bytes + this.#writer.size
  }

  /** True while something waits to leave, to be consumed, or to be answered. */
  get busy(): boolean {
    return this.queued > 0 || this.#receive.outstanding > 0 || this.#handler.busy?.(this) === true
  }

  attach(channel: Channel): void {
    this.#channel = channel
    this.attachedAt = this.#owner.clock.monotonic()
    channel.onBytes = (chunk) => this.#bytes(chunk)
    channel.onDrain = () => {
      this.#blocked = false
      this.#letGo()
      this.#pump()
    }
    channel.onClose = (error) => this.#close(error)
    this.flush()
  }

  // ---- sending -----------------------------------------------------------------------------------------------------

  send(kind: number, body: Uint8Array, counted: boolean): boolean {
    if (!counted) {
      this.#control(kind, body)
      return this.writable
    }
    const at = this.begin(kind | COUNTED, body.length)
    this.buffer.set(body, at)
    return this.end(at + body.length, true)
  }

  /**
   * A frame that costs no credit and yet keeps its place behind what was sent before it. Never throws: it ends calls,
   * often from a timer. A peer that lets too many of them pile up loses its stream.
   */
  sendInOrder(kind: number, body: Uint8Array): void {
    if (this.#closed) return
    if (this.queued > this.#owner.limits.queueBytes + MAX_URGENT) {
      this.abort(new MeshError('ERR_LIMIT', `${this.peer} does not read its replies`))
      return
    }
    const at = this.#start(kind, body.length)
    this.buffer.set(body, at)
    this.end(at + body.length, false)
  }

  /** The buffer to encode into, between `begin` and `end`. */
  get buffer(): Buffer {
    return this.#writer.buffer
  }

  /** Starts a frame of at most `bound` body bytes in the batch being built; `kind` has COUNTED set or not. */
  begin(kind: number, bound: number): number {
    if (this.#closed) throw new MeshError('ERR_LINK_CLOSED', `the link to ${this.peer} is closed`)
    if (bound >= (this.remote?.maxFrame ?? this.#owner.maxFrameOf(this.peer))) {
      throw new MeshError('ERR_MESSAGE_TOO_LARGE', `a message of ${bound} bytes; send larger data as a stream`)
    }
    const { queueBytes } = this.#owner.limits
    // Whoever was told `writable` may send one more, however large: else large messages sent in turn fail by chance.
    if (this.queued + bound > queueBytes && this.queued >= this.#highWater) {
      throw new MeshError('ERR_QUEUE_FULL', `${this.queued} bytes wait for ${this.peer} already`)
    }
    return this.#start(kind, bound)
  }

  #start(kind: number, bound: number): number {
    if (this.#writer.size > 0 && this.#writer.size + bound > BATCH_BYTES) this.#seal()
    return this.#writer.begin(kind, bound)
  }

  /**
   * Ends the frame begun last. A `counted` frame costs credit; one that is not still keeps its place in the order.
   * Returns whether the sender may go on.
   */
  end(end: number, counted: boolean): boolean {
    const bytes = this.#writer.end(end)
    if (counted) {
      this.#frames++
      this.#counted += bytes
    }
    if (this.#writer.size >= BATCH_BYTES || this.#frames >= BATCH_FRAMES) {
      this.#seal()
      this.#pump()
    } else {
      this.#schedule()
    }
    return this.writable
  }

  drained(): Promise<void> {
    if (this.#closed) return Promise.reject(new MeshError('ERR_LINK_CLOSED', `the link to ${this.peer} is closed`))
    if (this.writable) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }

  flush(): void {
    this.#scheduled = false
    this.#flushedIn = this.#owner.turn.number
    if (this.#closed) return
    if (this.#writer.size > 0) this.#seal()
    this.#pump()
  }

  /** Frames that overtake what waits for credit. */
  #control(kind: number, body: Uint8Array): void {
    if (this.#closed) return
    const at = this.#urgent.begin(kind, body.length)
    this.#urgent.buffer.set(body, at)
    this.#urgent.end(at + body.length)
    if (this.#urgent.size > MAX_URGENT)
      this.abort(new MeshError('ERR_LIMIT', `${this.peer} does not read its acknowledgements`))
    else this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#owner.turn.schedule(this, this.#flushedIn)
  }

  #seal(): void {
    this.#queue.add(this.#writer.seal(), this.#frames, this.#counted)
    this.#frames = 0
    this.#counted = 0
  }

  /** `last`: whatever credit allows leaves now, since nobody will be called back. */
  #pump(last = false): void {
    const channel = this.#channel
    if (channel === undefined || this.#closed) return
    this.lastActive = this.#owner.clock.monotonic()
    const queue = this.#queue
    while (!this.#closed && (last || !this.#blocked)) {
      // Between any two batches: an acknowledgement that came in the midst of a large frame must not wait for the next send.
      if (this.#urgent.size > 0 && !queue.midway) {
        this.#blocked = !channel.write(this.#urgent.seal())
        continue
      }
      const batch = queue.next
      if (batch === undefined || (this.#pace?.pausing && !last)) break
      if (!queue.midway) {
        if (batch.frames > 0 && !this.#send.open) {
          this.#creditSpent()
          break
        }
        this.#send.spend(batch.frames, batch.counted)
      }
      const slice = queue.slice()
      this.#blocked = !channel.write(slice)
      this.#pace?.sent(slice.length, this.#owner.controlUsedAt(this.peer))
      if (!queue.holds(slice) && this.#writer.leave(slice)) this.#spent.push(new Uint8Array(slice.buffer))
    }
    this.#settleDrained()
    this.#letGo()
  }

  /** Gives back the slabs of which the channel reads nothing any more. */
  #letGo(): void {
    if (this.#spent.length > 0 && !this.#blocked) this.#owner.turn.release(this.#spent.splice(0))
  }

  #settleDrained(): void {
    if (this.#drained !== undefined && this.writable) {
      this.#drained.resolve()
      this.#drained = undefined
    }
  }

  /** The peer does not take what waits for it: said once a stall. */
  #creditSpent(): void {
    if (this.#slowSince >= 0) return
    this.#slowSince = this.#owner.clock.monotonic()
    this.#owner.slowConsumer(this)
  }

  // ---- receiving ---------------------------------------------------------------------------------------------------

  consumed(bytes: number): void {
    const credit = this.#receive.consume(bytes)
    if (credit !== undefined) this.#control(Kind.credit, encodeCredit(credit))
  }

  #bytes(chunk: Uint8Array): void {
    if (this.#closed) return
    this.lastActive = this.#owner.clock.monotonic()
    this.#owner.heard(this.peer)
    try {
      this.#reader.push(chunk)
    } catch (error) {
      this.abort(error as Error)
      return
    }
    if (this.#reader.held === 0) this.unfinishedSince = -1
    else if (this.unfinishedSince < 0) this.unfinishedSince = this.lastActive
  }

  #frame(kind: number, body: Uint8Array): void {
    if (this.#closed) return
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
      this.#send.raise(decodeCredit(body))
      this.#slowSince = -1
      this.#pump()
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
    this.#send.raise(hello)
    this.#handler.opened?.(this)
    this.#pump()
  }

  // ---- ending ------------------------------------------------------------------------------------------------------

  abort(error: Error): void {
    if (this.#closed) return
    this.#channel?.abort(error)
    this.#close(error)
  }

  /** Sends what waits, as far as credit allows, and closes in good order. */
  async close(): Promise<void> {
    if (this.#closed) return
    if (this.#writer.size > 0) this.#seal()
    this.#pump(true)
    const channel = this.#channel
    this.#close(undefined)
    await channel?.close()
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.unsent = this.#queue.frames + this.#frames
    this.#queue.clear()
    this.#pace?.stop()
    this.#drained?.promise.catch(() => {})
    this.#drained?.reject(new MeshError('ERR_LINK_CLOSED', `the link to ${this.peer} closed`, { cause: error }))
    this.#drained = undefined
    this.#owner.linkClosed(this, error)
    this.#handler.closed?.(this, error)
  }
}
