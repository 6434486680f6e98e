import { MeshError } from '../../protocols/errors.ts'
import { PROTOCOL } from '../../protocols/point-to-point/constants.ts'
import { SettledReceipt } from '../agent/receipt.ts'
import type { Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import { LocalInbound } from '../runtime/delivery/local-inbound.ts'
import { LocalWindow } from '../runtime/delivery/local-window.ts'
import { laneFor, type SendingParts, type SendParticulars } from './sending.ts'
import { bounded } from './waiting.ts'

/** What fills, and takes more once it has drained. */
interface Drainable {
  drained(): Promise<void>
}

/** Brings messages to agents at most once: no state is kept, and whatever happens to one later is counted, not told. */
export class AtMostOnce {
  readonly #parts: SendingParts
  readonly #timeout: number
  readonly #scratch = new Draft({ source: '-', type: '-' })
  readonly #local: LocalWindow

  /** `timeout`: ms that a sender waits for room where it does not say. `localMessages`: under way to agents of this node. */
  constructor(parts: SendingParts, timeout: number, localMessages: number) {
    this.#parts = parts
    this.#timeout = timeout
    this.#local = new LocalWindow(localMessages)
  }

  /**
   * Resolves when the message was handed to its link and the link takes more, or took nothing more for the time given.
   * Rejects with `ERR_BACKPRESSURE`, and with `ERR_TTL`, only where the message was not handed over.
   */
  post(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt> {
    return this.#post(template, data, particulars, undefined)
  }

  #post(
    template: Template,
    data: unknown,
    particulars: SendParticulars | undefined,
    patience: Patience | undefined
  ): Promise<Receipt> {
    const { router, links, self, pointToPoint, order, composer, transportTo } = this.#parts
    const member = router.choose(template.name, undefined, links.turn.monotonic, particulars?.wish)
    if (member === undefined) return this.#postLater(template, composer.copy(data), particulars, patience)
    router.unanswered(member)
    const { peer } = member.target.place
    const ordered = template.ordering === 'causal'
    const wait = pointToPoint.paused.waitFor(peer, template.flow) ?? (ordered ? order.room() : undefined)
    // What the caller changes while it waits is not sent.
    if (wait !== undefined) return this.#postAfter(wait, template, composer.copy(data), particulars, patience)
    const draft = this.#scratch
    composer.stamp(draft, template.attributes, particulars)
    if (peer === self) return this.#postLocally(draft, data, particulars)
    composer.encode(draft, data, composer.preferred)
    const link = links.to(peer, PROTOCOL, laneFor(template.lane, draft.data))
    composer.translate(draft, composer.formatFor(link))
    draft.stamp = ordered ? order.stamp(link) : undefined
    const writable = pointToPoint.send(link, draft)
    if (ordered) order.sent(link)
    const receipt = new SettledReceipt(draft, 'sent', 1, peer, transportTo)
    return writable ? Promise.resolve(receipt) : this.#postDrained(link, receipt, particulars)
  }

  async #postLater(
    template: Template,
    data: unknown,
    particulars: SendParticulars | undefined,
    patience = this.#patience(particulars)
  ): Promise<Receipt> {
    await this.#parts.resolver.resolve(template.name, undefined, particulars?.wish, particulars)
    return this.#post(template, data, particulars, patience)
  }

  async #postAfter(
    wait: Promise<void>,
    template: Template,
    data: unknown,
    particulars: SendParticulars | undefined,
    patience = this.#patience(particulars)
  ): Promise<Receipt> {
    await this.#room(wait, particulars, patience)
    return this.#post(template, data, particulars, patience)
  }

  /**
   * The message was handed over: its sender is only slowed. To tell it `ERR_BACKPRESSURE`, which asks for another try, would
   * have the message sent twice; and whether its link lives is not told to who asked for no acknowledgement.
   */
  async #postDrained(link: Drainable, receipt: Receipt, particulars: SendParticulars | undefined): Promise<Receipt> {
    await this.#room(link.drained(), particulars, this.#patience(particulars)).catch((error: MeshError) => {
      if (!HANDED_OVER.has(error.code)) throw error
    })
    return receipt
  }

  #postLocally(draft: Draft, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt> {
    const { composer, bus, deliver, self, pointToPoint, transportTo } = this.#parts
    const message = composer.local(draft, data)
    const writable = this.#local.enter()
    const inbound = new LocalInbound(message, self, 1, undefined, pointToPoint.paused, undefined, this.#local)
    const receipt = new SettledReceipt(draft, 'sent', 1, self, transportTo)
    bus.post(() => deliver(inbound))
    return writable ? Promise.resolve(receipt) : this.#postDrained(this.#local, receipt, particulars)
  }

  #patience(particulars: SendParticulars | undefined): Patience {
    const now = this.#parts.clock.monotonic()
    const ttl = particulars?.ttl ?? Number.POSITIVE_INFINITY
    return { until: now + (particulars?.timeout ?? this.#timeout), expires: now + ttl }
  }

  /** Waits for it, as long as its sender would and the message is worth something. */
  #room(wait: Promise<void>, particulars: SendParticulars | undefined, { until, expires }: Patience): Promise<void> {
    const late = (): MeshError =>
      expires <= until
        ? new MeshError('ERR_TTL', 'the message outlived its time before its receiver took more')
        : new MeshError('ERR_BACKPRESSURE', 'the receiver took nothing more in time')
    const timeout = Math.max(0, Math.min(until, expires) - this.#parts.clock.monotonic())
    return bounded(wait, this.#parts.clock, { timeout, signal: particulars?.signal }, late)
  }
}

/** Monotonic ms until which a sender waits, and until which its message is worth anything: all its waits together. */
interface Patience {
  readonly until: number
  readonly expires: number
}

/** How a wait may end of which the sender of a message that was handed over is not told. */
const HANDED_OVER = new Set(['ERR_LINK_CLOSED', 'ERR_BACKPRESSURE', 'ERR_TTL'])
