import type { MeshError } from '../../../protocols/errors.ts'
import type { SpillHost, SpillQueue } from '../storage/spill-queue.ts'

/** What a subscription holds: bytes as they were published. */
export interface Publication {
  topic: string
  bytes: Uint8Array
}

export interface SubscriptionSpillHost {
  /** Throws `ERR_NO_DATA_DIR`. */
  open(host: SpillHost<Publication>): SpillQueue<Publication>
  /** `discard`: nobody will read on. */
  close(queue: SpillQueue<Publication>, discard: boolean): void
  /** Publications that came back, in order. */
  restored(publications: Publication[]): void
  lost(bytes: number): void
}

/** Bytes of publications that come back at a time. A guess. */
const REFILL_BYTES = 2 ** 20
const REFILL_MESSAGES = 1_024

/** What a subscription has on disk behind what it has in memory: all of it the node's own, since publishers keep nothing. */
export class SubscriptionSpill {
  readonly #host: SubscriptionSpillHost
  readonly #queue: SpillQueue<Publication>
  #refilling = false
  #closed = false

  constructor(host: SubscriptionSpillHost) {
    this.#host = host
    const lost = (records: readonly Uint8Array[]): void => {
      for (const { length } of records) host.lost(length)
    }
    this.#queue = host.open({
      stored: () => {},
      failed: ({ bytes }) => host.lost(bytes.length),
      lost: (records: readonly Uint8Array[], _error: MeshError) => lost(records),
      // Whoever reads already hears of it by what comes.
      opened: () => {
        if (!this.#refilling) this.#host.restored([])
      },
      broken: () => {
        if (!this.#refilling) this.#host.restored([])
      }
    })
  }

  get length(): number {
    return this.#queue.length
  }

  /** True while whatever comes has to go behind what is here. */
  get active(): boolean {
    return this.#refilling || this.#queue.active
  }

  /** False where the disk has no more room. */
  push(publication: Publication): boolean {
    const topic = Buffer.from(publication.topic)
    const head = Buffer.allocUnsafe(2)
    head.writeUInt16LE(topic.length)
    return this.#queue.push(Buffer.concat([head, topic, publication.bytes]), publication, false)
  }

  /** Reads on: asked for when what is in memory runs low. */
  refill(): void {
    if (this.#refilling || this.#closed || this.#queue.length === 0) return
    this.#refilling = true
    void this.#queue
      .take(REFILL_MESSAGES, REFILL_BYTES)
      .then((taken) => this.#came(taken.map(({ bytes }) => read(bytes))))
  }

  close(discard: boolean): void {
    this.#closed = true
    this.#host.close(this.#queue, discard)
  }

  #came(publications: Publication[]): void {
    this.#refilling = false
    if (!this.#closed) this.#host.restored(publications)
  }
}

function read(bytes: Uint8Array): Publication {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = 2 + record.readUInt16LE(0)
  // A copy: the record shares the memory of all that was read with it.
  return { topic: record.toString('utf8', 2, end), bytes: Uint8Array.prototype.slice.call(record, end) }
}
