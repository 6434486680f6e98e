import { MeshError } from '../../../protocols/errors.ts'
import type { Deliveries } from '../../core/delivery/deliveries.ts'
import type { Change, Store } from '../storage/types.ts'
import { DeliveryRecord } from './delivery-record.ts'
import type { Deliver, Inbound } from './inbound.ts'
import { type DeliveryRecorder, NumberedInbound } from './numbered-inbound.ts'

/** What the deliveries of one host need beyond them. */
export interface ProducerHost {
  readonly store: Store
  /** Any integer, which no peer knows. */
  readonly entropy: number
  readonly deliver: Deliver
  /** Something of it was handled, and is to be written before long. */
  gathered(producer: Producer): void
  /** Writes the changes and all that these have gathered; rejects with `ERR_STORAGE`. */
  write(producers: readonly Producer[], changes: readonly Change[]): Promise<void>
  /** Its record cannot be read. */
  lost(producer: Producer): void
}

/**
 * One host that sends numbered messages: its record is read when the first of them comes, and what comes meanwhile waits
 * in order. Invariant: whatever it was told is handled is in `#gathered`, or in a write on its way, or in the store.
 */
export class Producer implements DeliveryRecorder {
  readonly peer: string
  readonly #record: DeliveryRecord
  readonly #host: ProducerHost
  #deliveries: Deliveries<NumberedInbound> | undefined
  #waiting: Inbound[] = []
  #gathered: NumberedInbound[] = []
  /** Deliveries not settled yet, those of former epochs included. */
  #open = 0
  /** Writes of its record that are on their way, and what the store calls the last of them. */
  #writes = 0
  #version = 0
  /** Asked for since somebody looked for one to let go of. */
  used = true

  constructor(peer: string, host: ProducerHost) {
    this.peer = peer
    this.#record = new DeliveryRecord(peer, host.store)
    this.#host = host
    void this.#load()
  }

  /** Nothing of it is lost if it is forgotten and read again. */
  get idle(): boolean {
    return this.#deliveries !== undefined && this.#open === 0
  }

  receive(inbound: Inbound): void {
    this.used = true
    if (this.#deliveries === undefined) {
      inbound.detach()
      this.#waiting.push(inbound)
    } else this.#judge(this.#deliveries, inbound)
  }

  async #load(): Promise<void> {
    const { store, entropy } = this.#host
    let deliveries: Deliveries<NumberedInbound>
    try {
      deliveries = await this.#record.load(entropy)
    } catch (error) {
      // The next that comes tries again.
      this.#host.lost(this)
      for (const inbound of this.#waiting) inbound.refuse(error)
      return
    }
    this.#version = store.version(this.#record.key)
    this.#deliveries = deliveries
    const waiting = this.#waiting
    this.#waiting = []
    for (const inbound of waiting) this.#judge(deliveries, inbound)
  }

  #judge(deliveries: Deliveries<NumberedInbound>, inbound: Inbound): void {
    const place = inbound.place!
    switch (deliveries.begin(place)) {
      case 'new': {
        const delivery = new NumberedInbound(inbound, place, this)
        this.#open++
        deliveries.start(delivery)
        this.#host.deliver(delivery)
        break
      }
      case 'under-way':
        deliveries.underWay(place.number)!.join(inbound)
        break
      case 'done':
        inbound.again()
        break
      case 'fenced':
        inbound.refuse(new MeshError('ERR_FENCED', `epoch ${place.epoch} of ${inbound.peer} is over`))
        break
      case 'full':
        inbound.refuse(new MeshError('ERR_LIMIT', `${inbound.peer} left too many gaps between what was handled`))
        break
    }
  }

  // ---- DeliveryRecorder --------------------------------------------------------------------------------------------

  record(delivery: NumberedInbound): void {
    if (this.#gathered.push(delivery) === 1) this.#host.gathered(this)
  }

  commit(delivery: NumberedInbound, changes: readonly Change[]): Promise<void> {
    this.#gathered.push(delivery)
    return this.#host.write([this], changes)
  }

  refused(delivery: NumberedInbound): void {
    this.#end(delivery)
  }

  // ---- writing -----------------------------------------------------------------------------------------------------

  /** What was gathered, which is the caller's to bring to its end: `changes` that are `written`, then `acknowledge`; or `fail`. */
  take(): NumberedInbound[] {
    const gathered = this.#gathered
    if (gathered.length === 0) return gathered
    this.#gathered = []
    this.#writes++
    return gathered
  }

  /**
   * The record with these counted as done. Throws `ERR_STORAGE` where an earlier write has failed and nobody here was told
   * yet: memory still counts as done then what will be taken back, and a record of it would make a loss of that.
   */
  changes(deliveries: readonly NumberedInbound[]): Change[] {
    if (this.#host.store.version(this.#record.key) !== this.#version) {
      throw new MeshError('ERR_STORAGE', 'a write before this one failed', { details: { reason: 'behind' } })
    }
    for (const delivery of deliveries) this.#deliveries!.done(delivery)
    return this.#record.changes(this.#deliveries!, deliveries)
  }

  /** The record was given to the store. */
  written(): void {
    this.#version = this.#host.store.version(this.#record.key)
    this.#record.given()
  }

  /** It is on disk. */
  acknowledge(deliveries: readonly NumberedInbound[]): void {
    this.#ended()
    for (const delivery of deliveries) {
      this.#end(delivery)
      delivery.acknowledge()
    }
  }

  /** It did not get there, so none of it happened. */
  fail(deliveries: readonly NumberedInbound[], error: unknown): void {
    this.#ended()
    this.#record.failed()
    for (const delivery of deliveries) {
      this.#deliveries!.undone(delivery)
      this.#end(delivery)
      delivery.reject(error)
    }
  }

  #ended(): void {
    if (--this.#writes === 0) this.#version = this.#host.store.version(this.#record.key)
  }

  #end(delivery: NumberedInbound): void {
    this.#open--
    this.#deliveries!.end(delivery)
  }
}
