import { SettledReceipt } from '../agent/receipt.ts'
import type { Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import type { Mark } from '../core/causality/destination.ts'
import type { Parcel } from '../core/delivery/outbox.ts'
import type { RetryPolicy } from '../core/delivery/retry.ts'
import type { Member } from '../core/routing/group.ts'
import type { Wish } from '../core/routing/wish.ts'
import type { Draft } from '../runtime/delivery/composer.ts'
import type { Tracked } from '../runtime/delivery/conversation.ts'

/** Hears how a transmission ended: `error` undefined where it was acknowledged. */
export interface Shipper {
  settle(shipment: Shipment, error: unknown, delay: number | undefined): void
}

/** A message under way until it is acknowledged. */
export class Shipment implements Parcel, Tracked {
  readonly template: Template
  readonly draft: Draft
  readonly wish: Wish | undefined
  readonly policy: RetryPolicy
  readonly expires: number
  attempts = 0
  spared = 0
  state: Parcel['state'] = 'new'
  at = 0
  slot = -1
  failure: unknown
  /** Who has it now, or had it last. */
  member: Member | undefined
  peer = ''
  /** Its place in the causal order, once it was sent to another host. */
  mark: Mark | undefined
  readonly #shipper: Shipper
  readonly #receipt = Promise.withResolvers<Receipt>()

  constructor(shipper: Shipper, template: Template, draft: Draft, wish: Wish | undefined, expires: number) {
    this.#shipper = shipper
    this.template = template
    this.draft = draft
    this.wish = wish
    this.policy = template.policy
    this.expires = expires
  }

  get receipt(): Promise<Receipt> {
    return this.#receipt.promise
  }

  /** It is numbered and stored nowhere. */
  get record(): string {
    return ''
  }
  get claim(): undefined {
    return undefined
  }
  get claimedAt(): string {
    return ''
  }
  get coordinated(): string {
    return ''
  }

  get timeout(): number {
    return this.template.timeout
  }

  acknowledged(): void {
    this.#shipper.settle(this, undefined, undefined)
  }

  /** Never: it has no place. */
  recognised(): void {
    this.acknowledged()
  }

  failed(error: unknown, delay: number | undefined): void {
    this.#shipper.settle(this, error, delay)
  }

  delivered(transportTo: (peer: string) => string): void {
    this.#receipt.resolve(new SettledReceipt(this.draft, 'delivered', this.attempts, this.peer, transportTo))
  }

  reject(error: unknown): void {
    this.#receipt.reject(error)
  }
}
