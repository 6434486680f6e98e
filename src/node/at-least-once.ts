import { copyFrom } from '../../protocols/envelope/copy.ts'
import type { MeshError } from '../../protocols/errors.ts'
import type { Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import { Outbox, type OutboxEffect } from '../core/delivery/outbox.ts'
import type { Outcome } from '../core/routing/outcome.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import type { Timer } from '../runtime/ports.ts'
import { Carrier } from './carrier.ts'
import type { Undelivered } from './dead-letters.ts'
import { codeOf, isFinal, stopped, wasUnaccepted, whyGivenUp } from './failures.ts'
import type { SendingParts, SendParticulars } from './sending.ts'
import { Shipment, type Shipper } from './shipment.ts'
import { bounded } from './waiting.ts'

/** Keeps what was given up as a dead letter; resolves when it is kept, or cannot be: with false where this life ended before. */
export type Bury = (lost: Undelivered, code: string, error: unknown) => Promise<boolean>

/** Brings messages to agents until they are acknowledged, and does nothing more: the path that most of them take. */
export class AtLeastOnce implements Shipper {
  readonly #parts: SendingParts
  readonly #carrier: Carrier
  readonly #bury: Bury
  readonly #outbox: Outbox<Shipment>
  readonly #sink = { push: (effect: OutboxEffect<Shipment>) => this.#perform(effect) }
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #idle: PromiseWithResolvers<void> | undefined
  #stopped = false

  constructor(parts: SendingParts, random: () => number, bury: Bury) {
    this.#parts = parts
    this.#carrier = new Carrier(parts)
    this.#bury = bury
    this.#outbox = new Outbox(random)
  }

  /** Resolves once nothing is outstanding. */
  drained(): Promise<void> {
    if (this.#outbox.size === 0) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  /** What waits is given up now, what is in flight when its link closes: with `ERR_STOPPED`. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timerAt = Number.NEGATIVE_INFINITY
    this.#outbox.handle({ kind: 'close', error: stopped() }, this.#parts.clock.monotonic(), this.#sink)
    this.#parts.pointToPoint.paused.forgetAll()
  }

  /** Resolves when the receiver's handler has returned. */
  ship(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt> {
    const { composer, clock, links } = this.#parts
    const draft = new Draft(template.attributes)
    composer.stamp(draft, template.attributes, particulars)
    // Encoded now: what the caller changes later is not sent. A local receiver gets a copy of its own.
    composer.encode(draft, data, composer.preferred)
    if (draft.data === data) draft.data = copyFrom(draft.data, 0)
    const expires = particulars?.ttl === undefined ? Number.POSITIVE_INFINITY : links.turn.monotonic + particulars.ttl
    const shipment = new Shipment(this, template, draft, particulars?.wish, expires)
    this.#outbox.handle({ kind: 'send', parcel: shipment }, links.turn.monotonic, this.#sink)
    return bounded(shipment.receipt, clock, particulars)
  }

  #perform(effect: OutboxEffect<Shipment>): void {
    const { parcel } = effect
    switch (effect.kind) {
      case 'transmit':
        this.#transmit(parcel)
        break
      case 'done':
        parcel.delivered(this.#parts.transportTo)
        break
      case 'given-up':
        this.#carrier.forget(parcel)
        this.#giveUp(effect)
        break
    }
    if (this.#outbox.size === 0) {
      this.#idle?.resolve()
      this.#idle = undefined
    }
    this.#arm()
  }

  /** What was accepted becomes a letter, and its sender hears of it when that is kept. */
  #giveUp(effect: Extract<OutboxEffect<Shipment>, { kind: 'given-up' }>): void {
    const { parcel, code, error } = effect
    const why = whyGivenUp(parcel, code, error)
    const final = code ?? codeOf(error)
    if (this.#stopped || wasUnaccepted(final)) parcel.reject(why)
    else void this.#bury(parcel, final, why).then(() => parcel.reject(why))
  }

  // ---- one attempt -------------------------------------------------------------------------------------------------

  #transmit(shipment: Shipment): void {
    if (shipment.state !== 'in-flight') return
    const { router, links, self, pointToPoint, order } = this.#parts
    const { template } = shipment
    const wish = shipment.member === undefined ? shipment.wish : { ...shipment.wish, avoid: shipment.member }
    const member = router.choose(template.name, template.attributes.type, links.turn.monotonic, wish)
    if (member === undefined) {
      this.#unresolved(shipment)
      return
    }
    const { peer } = member.target.place
    const room = template.ordering === 'causal' && peer !== self ? order.room() : undefined
    const wait = pointToPoint.paused.waitFor(peer, template.flow) ?? room
    if (wait !== undefined) {
      router.unanswered(member)
      void wait.then(() => this.#transmit(shipment))
      return
    }
    shipment.member = member
    shipment.peer = peer
    router.began(member, template.attributes.type)
    try {
      this.#carrier.carry(shipment, peer)
    } catch (error) {
      // Our own queue is full of what we send: that says nothing about whoever takes it.
      const full = (error as MeshError).code === 'ERR_QUEUE_FULL'
      this.settle(shipment, error, undefined, full ? 'neutral' : undefined)
    }
  }

  /**
   * Nobody of that name may be called now. That there is nobody is the answer at the first attempt; that all circuits
   * are open passes, and is a failed attempt as it would be later.
   */
  #unresolved(shipment: Shipment): void {
    const first = shipment.member === undefined && shipment.attempts === 1
    const { name, attributes } = shipment.template
    this.#parts.resolver.resolve(name, attributes.type, shipment.wish).then(
      () => this.#transmit(shipment),
      (error: unknown) =>
        this.#failed(shipment, error, undefined, first && (error as MeshError).code !== 'ERR_CIRCUIT_OPEN')
    )
  }

  /** `outcome`: what the end says of the member, where the error's code does not. */
  settle(shipment: Shipment, error: unknown, delay: number | undefined, outcome?: Outcome): void {
    const code = error === undefined ? undefined : codeOf(error)
    this.#carrier.settled(shipment, error)
    this.#carrier.ended(shipment, code, error, outcome)
    if (error === undefined) this.#outbox.acknowledge(shipment, this.#sink)
    else if (this.#stopped) this.#failed(shipment, stopped(), undefined, true)
    else this.#failed(shipment, error, delay, isFinal(error))
  }

  #failed(shipment: Shipment, error: unknown, delay: number | undefined, final: boolean): void {
    this.#outbox.handle(
      { kind: 'failed', parcel: shipment, error, delay, final },
      this.#parts.clock.monotonic(),
      this.#sink
    )
    this.#arm()
  }

  #arm(): void {
    const { wakeAt } = this.#outbox
    if (wakeAt >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = wakeAt
    const { clock } = this.#parts
    this.#timer = clock.after(Math.max(0, wakeAt - clock.monotonic()), () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.#outbox.handle({ kind: 'tick' }, clock.monotonic(), this.#sink)
      this.#arm()
    })
  }
}
