import { encodeStandalone, StandaloneDecoder } from '../../protocols/envelope/standalone.ts'
import type { WireMessage } from '../../protocols/envelope/wire-message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { BoundedQueue } from '../core/flow/queue.ts'
import type { QueueLimits } from '../core/flow/watermarks.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import { restate } from '../runtime/delivery/restate.ts'
import { RestoredInbound } from '../runtime/delivery/restored-inbound.ts'
import type { SpillHost, SpillQueue } from '../runtime/storage/spill-queue.ts'

export interface MailboxSpillHost {
  /** Throws `ERR_NO_DATA_DIR`. `type`: undefined for every type. */
  openSpill(type: string | undefined, host: SpillHost<Inbound>): SpillQueue<Inbound>
  closeSpill(queue: SpillQueue<Inbound>): void
  dropped(inbound: Inbound, error: unknown): void
  /** So many messages of a former life wait on disk. */
  reclaimed(messages: number): void
}

/** Bytes of messages that come back at a time. A guess. */
const REFILL_BYTES = 2 ** 20

/** What a mailbox has on disk behind what it has in memory. */
export class MailboxSpill {
  readonly #queue: BoundedQueue<Inbound>
  readonly #limits: QueueLimits
  readonly #host: MailboxSpillHost
  readonly #refilled: () => void
  readonly #decoder = new StandaloneDecoder()
  readonly #spill: SpillQueue<Inbound>
  /** What came back beyond the bytes of the queue: less than one batch. */
  readonly #ahead: Inbound[] = []
  #refilling = false
  #closed = false

  constructor(
    type: string | undefined,
    queue: BoundedQueue<Inbound>,
    limits: QueueLimits,
    host: MailboxSpillHost,
    refilled: () => void
  ) {
    this.#queue = queue
    this.#limits = limits
    this.#host = host
    this.#refilled = refilled
    this.#spill = host.openSpill(type, {
      stored: (inbound) => {
        // Its sender's window is free again, and its bytes are on disk alone.
        inbound.release()
        if (inbound.timeout !== undefined) (inbound.message as WireMessage).forget()
      },
      failed: (inbound, error) => {
        if (inbound.timeout === undefined) host.dropped(inbound, error)
        inbound.refuse(error)
      },
      opened: (left) => {
        if (left > 0) host.reclaimed(left)
        this.refill()
        this.#refilled()
      },
      lost: (records, error) => {
        for (const bytes of records) host.dropped(this.#read(bytes, undefined), error)
      },
      broken: () => this.#refilled()
    })
  }

  get length(): number {
    return this.#spill.length + this.#ahead.length
  }

  /** True while whatever comes has to go behind what is here. */
  get active(): boolean {
    return this.#refilling || this.#ahead.length > 0 || this.#spill.active
  }

  /** False where the disk has no more room for it. */
  push(inbound: Inbound): boolean {
    const peer = Buffer.from(inbound.peer)
    const message = encodeStandalone(restate(inbound.message as WireMessage))
    const guarded = inbound.timeout !== undefined
    return this.#spill.push(Buffer.concat([Buffer.of(peer.length), peer, message]), inbound, guarded)
  }

  /** Reads on once the queue in memory is down to its low watermark. */
  refill(): void {
    if (this.#refilling || this.#closed || this.#spill.length === 0) return
    if (this.#queue.length > this.#limits.lowWatermark) return
    this.#refilling = true
    void this.#refill()
  }

  async #refill(): Promise<void> {
    const { highWatermark, maxQueue } = this.#limits
    const room = Math.max(1, highWatermark - this.#queue.length)
    const bytes = Math.max(1, Math.min(REFILL_BYTES, maxQueue.bytes - this.#queue.bytes))
    const taken = await this.#spill.take(room, bytes)
    for (const { bytes, item } of taken) this.#restore(this.#read(bytes, item))
    this.#refilling = false
    this.#refilled()
  }

  #read(bytes: Uint8Array, item: Inbound | undefined): Inbound {
    const start = 1 + bytes[0]!
    const message = this.#decoder.decode(bytes.subarray(start)).detach()
    return new RestoredInbound(message, Buffer.from(bytes.subarray(1, start)).toString(), bytes.length, item)
  }

  #restore(inbound: Inbound): void {
    if (this.#closed) {
      const error = new MeshError('ERR_NO_RESPONDERS', 'the agent is closed')
      if (inbound.timeout === undefined) this.#host.dropped(inbound, error)
      inbound.refuse(error)
    } else if (this.#ahead.length > 0 || !this.#queue.push(inbound, inbound.bytes)) {
      this.#ahead.push(inbound)
    }
  }

  /** What came back and stands before anything that is still on disk. */
  shift(): Inbound | undefined {
    return this.#ahead.shift()
  }

  /** Returns what nobody will handle here: its senders have it still. */
  close(): Inbound[] {
    this.#closed = true
    this.#host.closeSpill(this.#spill)
    return [...this.#ahead.splice(0), ...this.#spill.abandon()]
  }
}
