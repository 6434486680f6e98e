import { FrameWriter } from '../../../protocols/framing/frame-writer.ts'
import type { Credit } from '../../../protocols/framing/messages.ts'
import type { Channel } from '../ports.ts'
import { BatchQueue } from './batch-queue.ts'
import { BulkPace } from './bulk-pace.ts'
import { SendCredit } from './credit.ts'
import type { SenderLink, SenderOwner } from './sender-port.ts'

/** Sealed batches leave as credit, the channel and the lane allow; what is urgent overtakes them. */
export class Transmitter {
  /** Acknowledgements, credit and the like: frames that wait for no credit. */
  readonly urgent = new FrameWriter(8192)
  readonly queue = new BatchQueue()
  readonly credit = new SendCredit()
  /** Monotonic ms when something last left, or would have. */
  activeAt: number
  closed = false
  readonly #owner: SenderOwner
  readonly #link: SenderLink
  /** Where the batches are written. */
  readonly #writer: FrameWriter
  readonly #afterwards: () => void
  readonly #pace: BulkPace | undefined
  /** Slabs whose bytes the channel has, and may still read while it is blocked. */
  readonly #spent: Uint8Array[] = []
  #channel: Channel | undefined
  #blocked = false
  #slow = false

  /** `afterwards` is called when as much has left as could. */
  constructor(owner: SenderOwner, link: SenderLink, writer: FrameWriter, afterwards: () => void) {
    this.#owner = owner
    this.#link = link
    this.#writer = writer
    this.#afterwards = afterwards
    this.activeAt = owner.clock.monotonic()
    this.#pace = link.lane === 'bulk' ? new BulkPace(owner.clock, () => this.pump()) : undefined
  }

  /** Whether something waits already, so that nothing sealed now could leave. */
  get stalled(): boolean {
    return this.#blocked || this.queue.next !== undefined
  }

  attach(channel: Channel): void {
    this.#channel = channel
  }

  granted(credit: Credit): void {
    this.credit.raise(credit)
    this.#slow = false
    this.pump()
  }

  /** The channel takes bytes again. */
  unblocked(): void {
    this.#blocked = false
    this.#letGo()
    this.pump()
  }

  /** `last`: whatever credit allows leaves now, since nobody will be called back. */
  pump(last = false): void {
    const channel = this.#channel
    if (channel === undefined || this.closed) return
    this.activeAt = this.#owner.clock.monotonic()
    const { queue } = this
    while (!this.closed && (last || !this.#blocked)) {
      // Between any two batches: an acknowledgement that came in the midst of a large frame must not wait for the next send.
      if (this.urgent.size > 0 && !queue.midway) {
        this.#blocked = !channel.write(this.urgent.seal())
        continue
      }
      const batch = queue.next
      if (batch === undefined || (this.#pace?.pausing && !last)) break
      if (!queue.midway) {
        if (batch.frames > 0 && !this.credit.open) {
          this.#creditSpent()
          break
        }
        this.credit.spend(batch.frames, batch.counted)
      }
      const slice = queue.slice()
      this.#blocked = !channel.write(slice)
      this.#pace?.sent(slice.length, this.#owner.controlUsedAt(this.#link.peer))
      if (!queue.holds(slice) && this.#writer.leave(slice)) this.#spent.push(new Uint8Array(slice.buffer))
    }
    this.#afterwards()
    this.#letGo()
  }

  /** Nothing will be added to the slab; its memory goes back once no batch in it waits. */
  left(slab: Uint8Array): void {
    if (!this.queue.holds(slab)) this.#spent.push(slab)
  }

  close(): void {
    this.closed = true
    this.queue.clear()
    this.#pace?.stop()
  }

  /** The peer does not take what waits for it: said once a stall. */
  #creditSpent(): void {
    if (this.#slow) return
    this.#slow = true
    this.#link.stalled()
  }

  /** Gives back the slabs of which the channel reads nothing any more. */
  #letGo(): void {
    if (this.#spent.length > 0 && !this.#blocked) this.#owner.turn.release(this.#spent.splice(0))
  }
}
