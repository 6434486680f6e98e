import type { Place } from '../../protocols/point-to-point/codec.ts'
import { PROTOCOL } from '../../protocols/point-to-point/constants.ts'
import type { Template } from '../agent/templates.ts'
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
    const { links, pointToPoint, composer } = this.#parts
    const { draft, template } = freight
    const link = links.to(peer, PROTOCOL, laneFor(template.lane, draft.data))
    await pointToPoint.ready(link)
    composer.translate(draft, composer.formatFor(link))
    pointToPoint.send(link, draft)
  }

  /** Tells the router and the resolver how it went; `outcome`: what the end says of the member, where its code does not. */
  ended(member: Member, code: string | undefined, error: unknown, outcome: Outcome | undefined): void {
    this.#parts.router.ended(member, outcome ?? outcomeOf(code), this.#parts.links.turn.monotonic)
    if (error !== undefined) this.#parts.resolver.failed(member, error)
  }

  #to(peer: string, freight: Freight, place: Place | undefined): void {
    const { links, pointToPoint, composer } = this.#parts
    const { draft, template } = freight
    const link = links.to(peer, PROTOCOL, laneFor(template.lane, draft.data))
    composer.translate(draft, composer.formatFor(link))
    if (place === undefined) pointToPoint.track(link, draft, freight.attempts, freight)
    else pointToPoint.trackNumbered(link, draft, freight.attempts, place, freight)
  }

  #locally(freight: Freight, tracked: Tracked | undefined, place: Place | undefined): void {
    const { composer, bus, deliver, self, pointToPoint } = this.#parts
    const message = composer.copied(freight.draft)
    const inbound = new LocalInbound(message, self, freight.attempts, tracked, pointToPoint.paused, place)
    bus.post(() => deliver(inbound))
  }
}
