import { RemoteError, wasThrown } from '../../protocols/errors.ts'
import type { Place } from '../../protocols/point-to-point/codec.ts'
import { PROTOCOL } from '../../protocols/point-to-point/constants.ts'
import type { Template } from '../agent/templates.ts'
import type { Mark } from '../core/causality/destination.ts'
import type { Member } from '../core/routing/group.ts'
import { type Outcome, outcomeOf } from '../core/routing/outcome.ts'
import type { Draft } from '../runtime/delivery/composer.ts'
import type { Tracked } from '../runtime/delivery/conversation.ts'
import { LocalInbound } from '../runtime/delivery/local-inbound.ts'
import { laneFor, type SendingParts } from './sending.ts'

/** What is carried, and hears how it ended. */
export interface Freight extends Tracked {
  readonly template: Template
  readonly draft: Draft
  readonly attempts: number
  /** Its place in the causal order, once it was sent to another host. */
  mark: Mark | undefined
}

/** What somebody was chosen for. */
interface Chosen {
  readonly template: Template
  readonly member: Member | undefined
}

/** One transmission to a host, to this one or to another. */
export class Carrier {
  readonly #parts: SendingParts

  constructor(parts: SendingParts) {
    this.#parts = parts
  }

  /** Throws where it cannot be handed over; else exactly one callback of `freight` is called. */
  carry(freight: Freight, peer: string, place?: Place): void {
    if (peer === this.#parts.self) this.#locally(freight, freight, place)
    else this.#to(peer, freight, place)
  }

  /** Without an acknowledgement: resolves when a link that is open has taken it. */
  async hand(freight: Freight, peer: string): Promise<void> {
    if (peer === this.#parts.self) {
      this.#locally(freight, undefined, undefined)
      return
    }
    const { links, pointToPoint, order, composer } = this.#parts
    const { draft, template } = freight
    const ordered = template.ordering === 'causal'
    const link = links.to(peer, PROTOCOL, laneFor(template.lane, draft.data))
    await pointToPoint.ready(link)
    if (ordered) for (let room = order.room(); room !== undefined; room = order.room()) await room
    composer.translate(draft, composer.formatFor(link))
    if (ordered) draft.stamp = order.stamp(link)
    pointToPoint.send(link, draft)
    if (ordered) order.sent(link)
  }

  /** Tells the router and the resolver how it went, where somebody was chosen; `outcome`: what the end says of the member, where its code does not. */
  ended(
    { member, template }: Chosen,
    code: string | undefined,
    error: unknown,
    outcome: Outcome = outcomeOf(code, wasThrown(error))
  ): void {
    if (member === undefined) return
    this.#parts.router.ended(member, template.attributes.type, outcome, this.#parts.links.turn.monotonic)
    if (error !== undefined) this.#parts.resolver.failed(member, error)
  }

  /** Nothing was sent to whoever was chosen. */
  left(freight: Chosen): void {
    this.ended(freight, undefined, undefined, 'neutral')
  }

  /** An attempt has ended. Whatever the receiver's end said, it had handed the message out: only a link or a time-out says nothing. */
  settled({ mark }: Pick<Freight, 'mark'>, error: unknown): void {
    if (mark !== undefined && (error === undefined || error instanceof RemoteError))
      this.#parts.order.settle(mark, true)
  }

  /** It is not sent any more, or not soon: nobody is to wait for it. */
  forget(freight: Pick<Freight, 'mark'>): void {
    if (freight.mark !== undefined) this.#parts.order.settle(freight.mark, false)
    freight.mark = undefined
  }

  #to(peer: string, freight: Freight, place: Place | undefined): void {
    const { links, pointToPoint, order, composer } = this.#parts
    const { draft, template } = freight
    const ordered = template.ordering === 'causal'
    const link = links.to(peer, PROTOCOL, laneFor(template.lane, draft.data))
    composer.translate(draft, composer.formatFor(link))
    if (ordered) draft.stamp = order.stampUntilSettled(link, freight.mark)
    if (place === undefined) pointToPoint.track(link, draft, freight.attempts, freight)
    else pointToPoint.trackNumbered(link, draft, freight.attempts, place, freight)
    if (ordered) freight.mark = order.sentUntilSettled(link, freight.mark)
  }

  #locally(freight: Freight, tracked: Tracked | undefined, place: Place | undefined): void {
    const { composer, bus, deliver, self, pointToPoint } = this.#parts
    // Here it follows what it must: this node was handed all that its agents know of.
    this.forget(freight)
    const message = composer.copied(freight.draft)
    const inbound = new LocalInbound(message, self, freight.attempts, tracked, pointToPoint.paused, place)
    bus.post(() => deliver(inbound))
  }
}
