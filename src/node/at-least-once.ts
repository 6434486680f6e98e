import { copyFrom } from '../../protocols/envelope/copy.ts'
import { MeshError, wasThrown } from '../../protocols/errors.ts'
import { PROTOCOL } from '../../protocols/point-to-point/constants.ts'
import type { Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import { Outbox, type OutboxEffect } from '../core/delivery/outbox.ts'
import { type Outcome, outcomeOf } from '../core/routing/outcome.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import { LocalInbound } from '../runtime/delivery/local-inbound.ts'
import type { Timer } from '../runtime/ports.ts'
import { laneFor, type SendingParts, type SendParticulars } from './sending.ts'
import { Shipment, type Shipper } from './shipment.ts'
import { bounded } from './waiting.ts'

/** Brings messages to agents until they are acknowledged: the driver of the outbox. */
export class AtLeastOnce implements Shipper {
  readonly #parts: SendingParts
  readonly #outbox: Outbox<Shipment>
  readonly #sink = { push: (effect: OutboxEffect<Shipment>) => this.#perform(effect) }
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #idle: PromiseWithResolvers<void> | undefined

  constructor(parts: SendingParts, random: () => number) {
    this.#parts = parts
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
        parcel.reject(whyGivenUp(effect))
        break
    }
    if (this.#outbox.size === 0) {
      this.#idle?.resolve()
      this.#idle = undefined
    }
    this.#arm()
  }

  // ---- one attempt -------------------------------------------------------------------------------------------------

  #transmit(shipment: Shipment): void {
    if (shipment.state !== 'in-flight') return
    const { router, links, self, pointToPoint } = this.#parts
    const { template } = shipment
    const wish = shipment.member === undefined ? shipment.wish : { ...shipment.wish, avoid: shipment.member }
    const member = router.choose(template.name, links.turn.monotonic, wish)
    if (member === undefined) {
      this.#unresolved(shipment)
      return
    }
    const { peer } = member.target.place
    const wait = pointToPoint.paused.waitFor(peer, template.flow)
    if (wait !== undefined) {
      router.unanswered(member)
      void wait.then(() => this.#transmit(shipment))
      return
    }
    shipment.member = member
    shipment.peer = peer
    router.began(member)
    try {
      if (peer === self) this.#transmitLocally(shipment)
      else this.#transmitTo(peer, shipment)
    } catch (error) {
      // Our own queue is full of what we send: that says nothing about whoever takes it.
      const full = (error as MeshError).code === 'ERR_QUEUE_FULL'
      this.settle(shipment, error, undefined, full ? 'neutral' : undefined)
    }
  }

  #transmitTo(peer: string, shipment: Shipment): void {
    const { links, pointToPoint, composer } = this.#parts
    const { draft, template } = shipment
    const link = links.to(peer, PROTOCOL, laneFor(template.lane, draft.data))
    composer.translate(draft, composer.formatFor(link))
    pointToPoint.track(link, draft, shipment.attempts, shipment)
  }

  #transmitLocally(shipment: Shipment): void {
    const { composer, bus, deliver, self, pointToPoint } = this.#parts
    const message = composer.copied(shipment.draft)
    const inbound = new LocalInbound(message, self, shipment.attempts, shipment, pointToPoint.paused)
    bus.post(() => deliver(inbound))
  }

  /**
   * Nobody of that name may be called now. That there is nobody is the answer at the first attempt; that all circuits
   * are open passes, and is a failed attempt as it would be later.
   */
  #unresolved(shipment: Shipment): void {
    const first = shipment.member === undefined && shipment.attempts === 1
    this.#parts.resolver.resolve(shipment.template.name, shipment.wish).then(
      () => this.#transmit(shipment),
      (error: unknown) =>
        this.#failed(shipment, error, undefined, first && (error as MeshError).code !== 'ERR_CIRCUIT_OPEN')
    )
  }

  /** `outcome`: what the end says of the member, where the error's code does not. */
  settle(shipment: Shipment, error: unknown, delay: number | undefined, outcome?: Outcome): void {
    const now = this.#parts.links.turn.monotonic
    const code = error === undefined ? undefined : ((error as MeshError).code ?? 'ERR_HANDLER')
    const { member } = shipment
    if (member !== undefined) {
      this.#parts.router.ended(member, outcome ?? outcomeOf(code), now)
      if (error !== undefined) this.#parts.resolver.failed(member, error)
    }
    if (error === undefined) this.#outbox.acknowledge(shipment, this.#sink)
    else this.#failed(shipment, error, delay, FINAL.has(code ?? '') && !wasThrown(error))
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

/** Errors after which no other attempt can succeed, unless a handler threw them: of what it does itself. */
const FINAL = new Set([
  'ERR_TERMINATED',
  'ERR_NO_HANDLER',
  'ERR_MESSAGE_TOO_LARGE',
  'ERR_UNREPRESENTABLE',
  'ERR_INVALID_MESSAGE',
  'ERR_STOPPED'
])

function stopped(): MeshError {
  return new MeshError('ERR_STOPPED', 'the node is stopped')
}

function whyGivenUp({ parcel, code, error }: Extract<OutboxEffect<Shipment>, { kind: 'given-up' }>): unknown {
  if (code === undefined) return error
  const { attempts, template } = parcel
  const text = code === 'ERR_TTL' ? 'its time to live has passed' : `${attempts} attempts failed`
  return new MeshError(code, `${template.name} has not acknowledged: ${text}`, { cause: error, details: { attempts } })
}
