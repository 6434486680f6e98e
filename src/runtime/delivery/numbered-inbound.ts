import type { Message } from '../../../protocols/envelope/message.ts'
import type { Place } from '../../../protocols/point-to-point/codec.ts'
import type { Delivery } from '../../core/delivery/deliveries.ts'
import type { Change } from '../storage/types.ts'
import type { Inbound } from './inbound.ts'
import type { PausedSenders } from './paused-senders.ts'

/** Keeps the record of what was delivered. */
export interface DeliveryRecorder {
  /** Handled: acknowledged once that is on disk. */
  record(delivery: NumberedInbound): void
  /** The same in one write with the changes that its handler made. Rejects with `ERR_STORAGE`: then it was refused. */
  commit(delivery: NumberedInbound, changes: readonly Change[]): Promise<void>
  /** Not handled: it may come again. */
  refused(delivery: NumberedInbound): void
}

/**
 * The first copy of a message that is recognised when it comes twice, and whatever other copies came meanwhile: they end
 * as it does. Invariant: it is settled once, by the first of `done`, `again`, `commit` and `refuse`.
 */
export class NumberedInbound implements Inbound, Delivery {
  readonly place: Place
  readonly #first: Inbound
  readonly #recorder: DeliveryRecorder
  /** Each fills its own sender's window until it is answered, which bounds them. */
  #copies: Inbound[] | undefined
  #settled = false
  #recognised = false

  constructor(first: Inbound, place: Place, recorder: DeliveryRecorder) {
    this.#first = first
    this.place = place
    this.#recorder = recorder
  }

  get epoch(): number {
    return this.place.epoch
  }
  get number(): number {
    return this.place.number
  }
  get message(): Message {
    return this.#first.message
  }
  get target(): string {
    return this.#first.target
  }
  get instance(): string | undefined {
    return this.#first.instance
  }
  get attempt(): number {
    return this.#first.attempt
  }
  get peer(): string {
    return this.#first.peer
  }
  get timeout(): number | undefined {
    return this.#first.timeout
  }
  get bytes(): number {
    return this.#first.bytes
  }
  get bounded(): boolean {
    return this.#first.bounded
  }
  /** Never: whoever sent it comes again with the same number, and is told then how it ended. */
  get orphaned(): boolean {
    return false
  }

  detach(): void {
    this.#first.detach()
  }
  release(): void {
    this.#first.release()
  }
  pause(paused: PausedSenders): void {
    this.#first.pause(paused)
  }

  /** Another copy came while this one is under way. */
  join(copy: Inbound): void {
    copy.detach()
    if (this.#copies === undefined) this.#copies = [copy]
    else this.#copies.push(copy)
  }

  done(): void {
    if (this.#settled) return
    this.#settled = true
    this.#recorder.record(this)
  }

  again(): void {
    this.#recognised = true
    this.done()
  }

  commit(changes: readonly Change[]): Promise<void> {
    this.#settled = true
    return this.#recorder.commit(this, changes)
  }

  refuse(error: unknown, delay?: number, thrown = false): void {
    if (this.#settled) return
    this.#settled = true
    this.#recorder.refused(this)
    this.reject(error, delay, thrown)
  }

  // ---- by the recorder ---------------------------------------------------------------------------------------------

  /** It is recorded. */
  acknowledge(): void {
    this.#answer(this.#first)
    if (this.#copies !== undefined) for (const copy of this.#copies) this.#answer(copy)
  }

  reject(error: unknown, delay?: number, thrown = false): void {
    this.#first.refuse(error, delay, thrown)
    if (this.#copies !== undefined) for (const copy of this.#copies) copy.refuse(error, delay, thrown)
  }

  #answer(copy: Inbound): void {
    if (this.#recognised) copy.again()
    else copy.done()
  }
}
