import { MeshError } from '../../../protocols/errors.ts'
import { BATCH_BYTES, BATCH_FRAMES, COUNTED } from '../../../protocols/framing/constants.ts'
import { FrameWriter } from '../../../protocols/framing/frame-writer.ts'
import type { Credit, Hello } from '../../../protocols/framing/messages.ts'
import type { Channel } from '../ports.ts'
import type { SenderLink, SenderOwner } from './sender-port.ts'
import { Transmitter } from './transmitter.ts'
import type { Flushable } from './turn.ts'

/** Room for a batch and the frame that fills it. */
const SLAB_BYTES = BATCH_BYTES + 8192
/** Unsent bytes above which `writable` is false. With 4 batches senders wait more often, and small messages are a tenth slower (measured). */
const HIGH_WATER = 16 * BATCH_BYTES
/** Bytes of acknowledgements and credit that a peer which stopped reading may cost; then its stream is reset. */
const MAX_URGENT = 1 << 20

/**
 * The sending half of a link: frames become batches, which leave when one is full, at the end of the turn, or at once.
 * What is sent before there is a channel waits here, bounded.
 */
export class Sender implements Flushable {
  readonly #owner: SenderOwner
  readonly #link: SenderLink
  readonly #writer: FrameWriter
  readonly #transmitter: Transmitter
  /** Bytes waiting from which the link is not writable. */
  readonly #highWater: number
  /** As the peer's hello has it. */
  #maxFrame: number | undefined
  /** Counted frames in the batch being built, and their bytes. */
  #frames = 0
  #counted = 0
  #scheduled = false
  #flushedIn = -1
  #drained: PromiseWithResolvers<void> | undefined

  constructor(owner: SenderOwner, link: SenderLink) {
    this.#owner = owner
    this.#link = link
    this.#highWater = Math.min(HIGH_WATER, owner.limits.queueBytes)
    this.#writer = new FrameWriter(SLAB_BYTES, (slab) => this.#transmitter.left(slab))
    this.#transmitter = new Transmitter(owner, link, this.#writer, () => this.#pumped())
  }

  get closed(): boolean {
    return this.#transmitter.closed
  }

  get writable(): boolean {
    const { closed, queue, credit } = this.#transmitter
    return (
      !closed &&
      queue.bytes + this.#writer.size < this.#highWater &&
      credit.roomBeyond(queue.frames + this.#frames, queue.counted + this.#counted)
    )
  }

  /** Bytes waiting to leave. */
  get queued(): number {
    return this.#transmitter.queue.bytes + this.#writer.size
  }

  /** Monotonic ms when something last left, or would have. */
  get activeAt(): number {
    return this.#transmitter.activeAt
  }

  /** The buffer to encode into, between `begin` and `end`. */
  get buffer(): Buffer {
    return this.#writer.buffer
  }

  // ---- the channel and the peer ------------------------------------------------------------------------------------

  attach(channel: Channel): void {
    this.#transmitter.attach(channel)
    this.flush()
  }

  /** The channel takes bytes again. */
  unblocked(): void {
    this.#transmitter.unblocked()
  }

  /** What the peer takes. What waits for it leaves with the next flush. */
  greeted(hello: Hello): void {
    this.#maxFrame = hello.maxFrame
    this.#transmitter.credit.raise(hello)
  }

  granted(credit: Credit): void {
    this.#transmitter.granted(credit)
  }

  // ---- frames ------------------------------------------------------------------------------------------------------

  /** A frame that costs credit. Throws as `begin`. */
  send(kind: number, body: Uint8Array): boolean {
    const at = this.begin(kind | COUNTED, body.length)
    this.buffer.set(body, at)
    return this.end(at + body.length, true)
  }

  /** A frame that costs no credit and yet keeps its place. Never throws. */
  sendInOrder(kind: number, body: Uint8Array): void {
    if (this.closed) return
    if (this.queued > this.#owner.limits.queueBytes + MAX_URGENT) {
      this.#link.abort(new MeshError('ERR_LIMIT', `${this.#link.peer} does not read its replies`))
      return
    }
    const at = this.#start(kind, body.length)
    this.buffer.set(body, at)
    this.end(at + body.length, false)
  }

  /** A frame that overtakes what waits for credit. Never throws. */
  sendUrgent(kind: number, body: Uint8Array): void {
    if (this.closed) return
    const { urgent } = this.#transmitter
    const at = urgent.begin(kind, body.length)
    urgent.buffer.set(body, at)
    urgent.end(at + body.length)
    if (urgent.size > MAX_URGENT)
      this.#link.abort(new MeshError('ERR_LIMIT', `${this.#link.peer} does not read its acknowledgements`))
    else this.#schedule()
  }

  /** Starts a frame of at most `bound` body bytes in the batch being built; returns where in `buffer` the body begins. */
  begin(kind: number, bound: number): number {
    const { peer } = this.#link
    if (this.closed) throw new MeshError('ERR_LINK_CLOSED', `the link to ${peer} is closed`)
    if (bound >= (this.#maxFrame ?? this.#owner.maxFrameOf(peer))) {
      throw new MeshError('ERR_MESSAGE_TOO_LARGE', `a message of ${bound} bytes; send larger data as a stream`)
    }
    const { queueBytes } = this.#owner.limits
    // Whoever was told `writable` may send one more, however large: else large messages sent in turn fail by chance.
    if (this.queued + bound > queueBytes && this.queued >= this.#highWater) {
      throw new MeshError('ERR_QUEUE_FULL', `${this.queued} bytes wait for ${peer} already`)
    }
    return this.#start(kind, bound)
  }

  #start(kind: number, bound: number): number {
    if (this.#writer.size > 0 && this.#writer.size + bound > BATCH_BYTES) this.#seal()
    return this.#writer.begin(kind, bound)
  }

  /** Ends the frame begun last. Returns whether the sender may go on. */
  end(end: number, counted: boolean): boolean {
    const bytes = this.#writer.end(end)
    if (counted) {
      this.#frames++
      this.#counted += bytes
    }
    if (this.#writer.size >= BATCH_BYTES || this.#frames >= BATCH_FRAMES) {
      this.#seal()
      this.#transmitter.pump()
    } else {
      this.#schedule()
    }
    return this.writable
  }

  // ---- batches -----------------------------------------------------------------------------------------------------

  #seal(): void {
    this.#transmitter.queue.add(this.#writer.seal(), this.#frames, this.#counted)
    this.#frames = 0
    this.#counted = 0
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#owner.turn.schedule(this, this.#flushedIn)
  }

  flush(): void {
    this.#scheduled = false
    this.#flushedIn = this.#owner.turn.number
    this.#transmit(false)
  }

  /** While nothing can leave, the batch being built goes on growing: how large one is adapts to how fast the link is. */
  #transmit(last: boolean): void {
    if (this.closed) return
    if (this.#transmitter.queue.next !== undefined) this.#transmitter.pump(last)
    if (this.#writer.size > 0 && (last || !this.#transmitter.stalled)) this.#seal()
    this.#transmitter.pump(last)
  }

  /** Resolves when `writable` is true again; rejects with `ERR_LINK_CLOSED`. */
  drained(): Promise<void> {
    if (this.closed) {
      return Promise.reject(new MeshError('ERR_LINK_CLOSED', `the link to ${this.#link.peer} is closed`))
    }
    if (this.writable) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }

  /** As much has left as could: what was gathered behind it follows. */
  #pumped(): void {
    if (this.#writer.size > 0 && !this.#transmitter.stalled) this.#schedule()
    if (this.#drained !== undefined && this.writable) {
      this.#drained.resolve()
      this.#drained = undefined
    }
  }

  // ---- ending ------------------------------------------------------------------------------------------------------

  /** Sends what waits, as far as credit allows. */
  finish(): void {
    this.#transmit(true)
  }

  /** Drops what waits. Returns how many counted frames had not left. */
  close(cause: Error | undefined): number {
    const unsent = this.#transmitter.queue.frames + this.#frames
    this.#transmitter.close()
    this.#drained?.promise.catch(() => {})
    this.#drained?.reject(new MeshError('ERR_LINK_CLOSED', `the link to ${this.#link.peer} closed`, { cause }))
    this.#drained = undefined
    return unsent
  }
}
