import { copyFrom } from '../../protocols/envelope/copy.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Lane } from '../../protocols/framing/constants.ts'
import { PROTOCOL } from '../../protocols/point-to-point/constants.ts'
import { SettledReceipt } from '../agent/receipt.ts'
import type { Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import { Outbox, type OutboxEffect, type Parcel } from '../core/delivery/outbox.ts'
import type { RetryPolicy } from '../core/delivery/retry.ts'
import type { Member } from '../core/routing/group.ts'
import { outcomeOf } from '../core/routing/outcome.ts'
import type { Router, Wish } from '../core/routing/router.ts'
import { type Composer, Draft, type Particulars } from '../runtime/delivery/composer.ts'
import type { Tracked } from '../runtime/delivery/conversation.ts'
import type { Deliver } from '../runtime/delivery/inbound.ts'
import type { LocalBus } from '../runtime/delivery/local-bus.ts'
import { LocalInbound } from '../runtime/delivery/local-inbound.ts'
import type { PointToPoint } from '../runtime/delivery/point-to-point.ts'
import type { StreamLink } from '../runtime/links/link.ts'
import type { LinkTable } from '../runtime/links/table.ts'
import type { Clock, Host, Timer } from '../runtime/ports.ts'
import type { Resolver } from './resolver.ts'
import { bounded } from './waiting.ts'

/** Data above this goes on the bulk lane: it would hold up what is small and urgent. One batch. */
export const BULK_BYTES = 65_536

export interface CourierParts {
  self: string
  clock: Clock
  host: Host
  links: LinkTable
  router: Router
  resolver: Resolver
  composer: Composer
  pointToPoint: PointToPoint
  bus: LocalBus
  deliver: Deliver
  random: () => number
  limits: { atMostOnceTimeout: number }
}

export interface SendParticulars extends Particulars {
  key: string | undefined
  wish: Wish | undefined
  /** ms of life, and of the caller's wait. */
  ttl: number | undefined
  timeout: number | undefined
  signal: AbortSignal | undefined
}

/** Brings messages to agents: at most once, or until they are acknowledged. */
export class Courier {
  readonly #parts: CourierParts
  readonly #outbox: Outbox<Shipment>
  readonly #sink = { push: (effect: OutboxEffect<Shipment>) => this.#perform(effect) }
  readonly #scratch = new Draft({ source: '-', type: '-' })
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #idle: PromiseWithResolvers<void> | undefined
  #stopped = false

  constructor(parts: CourierParts) {
    this.#parts = parts
    this.#outbox = new Outbox(parts.random)
  }

  /** Messages neither acknowledged nor given up. */
  get outstanding(): number {
    return this.#outbox.size
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

  /**
   * At most once: no state is kept, and whatever happens to the message later is counted, not told. Resolves when the
   * message was handed to its link and the link takes more.
   */
  post(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt> {
    const { router, links, self, pointToPoint } = this.#parts
    const member = router.choose(template.name, links.turn.monotonic, particulars?.wish)
    if (member === undefined) return this.#postLater(template, data, particulars)
    this.#noProbe(member)
    const { peer } = member.target.place
    const wait = pointToPoint.paused.waitFor(peer, template.flow)
    if (wait !== undefined) return this.#postAfter(wait, template, data, particulars)
    const draft = this.#scratch
    this.#parts.composer.stamp(draft, template.attributes, particulars)
    if (peer === self) return this.#postLocally(draft, data)
    const link = this.#linkTo(peer, template.lane, data)
    this.#parts.composer.encode(draft, data, this.#parts.composer.formatFor(link))
    const writable = pointToPoint.send(link, draft)
    const receipt = new SettledReceipt(draft, 'sent', 1, peer, this.#transport)
    return writable ? Promise.resolve(receipt) : this.#postDrained(link, receipt, particulars)
  }

  /** At least once: resolves when the receiver's handler has returned. */
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

  // ---- at most once ------------------------------------------------------------------------------------------------

  async #postLater(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt> {
    await bounded(this.#parts.resolver.resolve(template.name, particulars?.wish), this.#parts.clock, particulars)
    return this.post(template, data, particulars)
  }

  async #postAfter(
    wait: Promise<void>,
    template: Template,
    data: unknown,
    particulars: SendParticulars | undefined
  ): Promise<Receipt> {
    await this.#room(wait, particulars)
    return this.post(template, data, particulars)
  }

  async #postDrained(link: StreamLink, receipt: Receipt, particulars: SendParticulars | undefined): Promise<Receipt> {
    await this.#room(link.drained(), particulars).catch((error: unknown) => {
      // The message was handed over; whether its link lives is not told to who asked for no acknowledgement.
      if ((error as MeshError).code !== 'ERR_LINK_CLOSED') throw error
    })
    return receipt
  }

  #postLocally(draft: Draft, data: unknown): Promise<Receipt> {
    const { composer, bus, deliver, self, pointToPoint } = this.#parts
    const inbound = new LocalInbound(composer.local(draft, data), self, 1, undefined, pointToPoint.paused)
    const receipt = new SettledReceipt(draft, 'sent', 1, self, this.#transport)
    bus.post(() => deliver(inbound))
    return Promise.resolve(receipt)
  }

  #room(wait: Promise<void>, particulars: SendParticulars | undefined): Promise<void> {
    const timeout = particulars?.timeout ?? this.#parts.limits.atMostOnceTimeout
    const late = (): MeshError => new MeshError('ERR_BACKPRESSURE', `the receiver took nothing more for ${timeout} ms`)
    return bounded(wait, this.#parts.clock, { timeout, signal: particulars?.signal }, late)
  }

  // ---- at least once -----------------------------------------------------------------------------------------------

  #perform(effect: OutboxEffect<Shipment>): void {
    const { parcel } = effect
    switch (effect.kind) {
      case 'transmit':
        this.#transmit(parcel)
        break
      case 'done':
        parcel.delivered(this.#transport)
        break
      case 'given-up': {
        const { code, error } = effect
        const { attempts } = parcel
        const text = code === 'ERR_TTL' ? 'its time to live has passed' : `${attempts} attempts failed`
        parcel.reject(
          code === undefined
            ? error
            : new MeshError(code, `${parcel.template.name} has not acknowledged: ${text}`, {
                cause: error,
                details: { attempts }
              })
        )
        break
      }
    }
    if (this.#outbox.size === 0) {
      this.#idle?.resolve()
      this.#idle = undefined
    }
    this.#arm()
  }

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
      this.#noProbe(member)
      void wait.then(() => this.#transmit(shipment))
      return
    }
    shipment.member = member
    shipment.peer = peer
    router.began(member)
    try {
      if (peer === self) this.#shipLocally(shipment)
      else this.#shipTo(peer, shipment)
    } catch (error) {
      this.settle(shipment, error, undefined)
    }
  }

  #shipTo(peer: string, shipment: Shipment): void {
    const { pointToPoint, composer } = this.#parts
    const { draft, template } = shipment
    const link = this.#linkTo(peer, template.lane, draft.data)
    composer.translate(draft, composer.formatFor(link))
    pointToPoint.track(link, draft, shipment.attempts, shipment)
  }

  #shipLocally(shipment: Shipment): void {
    const { composer, bus, deliver, self, pointToPoint } = this.#parts
    const message = composer.copied(shipment.draft)
    const inbound = new LocalInbound(message, self, shipment.attempts, shipment, pointToPoint.paused)
    bus.post(() => deliver(inbound))
  }

  /** Nobody of that name may be called now: at the first attempt that is the answer, later it is a failed attempt. */
  #unresolved(shipment: Shipment): void {
    const { resolver } = this.#parts
    const first = shipment.member === undefined && shipment.attempts === 1
    resolver.resolve(shipment.template.name, shipment.wish).then(
      () => this.#transmit(shipment),
      (error: unknown) => this.#failed(shipment, error, undefined, first)
    )
  }

  /** A transmission ended: `error` undefined where it was acknowledged. */
  settle(shipment: Shipment, error: unknown, delay: number | undefined): void {
    const now = this.#parts.links.turn.monotonic
    const code = error === undefined ? undefined : ((error as MeshError).code ?? 'ERR_HANDLER')
    const { member } = shipment
    if (member !== undefined) {
      this.#parts.router.ended(member, outcomeOf(code), now)
      if (code === 'ERR_NO_RESPONDERS') this.#parts.resolver.disown(shipment.template.name, member)
    }
    if (error === undefined) this.#outbox.acknowledge(shipment, this.#sink)
    else if (this.#stopped) this.#failed(shipment, stopped(), undefined, true)
    else this.#failed(shipment, error, delay, FINAL.has(code ?? ''))
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

  // ---- both --------------------------------------------------------------------------------------------------------

  /** Of a message that is not acknowledged, or not sent yet, nobody will say how it went: its choice probed no circuit. */
  #noProbe(member: Member): void {
    const { router, links } = this.#parts
    if (member.target.circuit !== undefined) router.report(member, 'neutral', links.turn.monotonic)
  }

  #linkTo(peer: string, lane: Lane, data: unknown): StreamLink {
    const large = lane === 'normal' && data instanceof Uint8Array && data.length > BULK_BYTES
    return this.#parts.links.to(peer, PROTOCOL, large ? 'bulk' : lane)
  }

  readonly #transport = (peer: string): string =>
    peer === this.#parts.self ? 'local' : (this.#parts.host.transportTo(peer) ?? 'tcp')
}

function stopped(): MeshError {
  return new MeshError('ERR_STOPPED', 'the node is stopped')
}

/** Errors after which no other attempt can succeed. */
const FINAL = new Set([
  'ERR_TERMINATED',
  'ERR_NO_HANDLER',
  'ERR_MESSAGE_TOO_LARGE',
  'ERR_UNREPRESENTABLE',
  'ERR_STOPPED'
])

/** A message under way until it is acknowledged. */
class Shipment implements Parcel, Tracked {
  readonly template: Template
  readonly draft: Draft
  readonly wish: Wish | undefined
  readonly policy: RetryPolicy
  readonly expires: number
  attempts = 0
  state: Parcel['state'] = 'new'
  at = 0
  slot = -1
  failure: unknown
  /** Who has it now, or had it last. */
  member: Member | undefined
  peer = ''
  readonly #courier: Courier
  readonly #receipt = Promise.withResolvers<Receipt>()

  constructor(courier: Courier, template: Template, draft: Draft, wish: Wish | undefined, expires: number) {
    this.#courier = courier
    this.template = template
    this.draft = draft
    this.wish = wish
    this.policy = template.policy
    this.expires = expires
  }

  get receipt(): Promise<Receipt> {
    return this.#receipt.promise
  }

  get timeout(): number {
    return this.template.timeout
  }

  acknowledged(): void {
    this.#courier.settle(this, undefined, undefined)
  }

  failed(error: unknown, delay: number | undefined): void {
    this.#courier.settle(this, error, delay)
  }

  delivered(transportTo: (peer: string) => string): void {
    this.#receipt.resolve(new SettledReceipt(this.draft, 'delivered', this.attempts, this.peer, transportTo))
  }

  reject(error: unknown): void {
    this.#receipt.reject(error)
  }
}
