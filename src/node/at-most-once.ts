import { MeshError } from '../../protocols/errors.ts'
import { PROTOCOL } from '../../protocols/point-to-point/constants.ts'
import { SettledReceipt } from '../agent/receipt.ts'
import type { Template } from '../agent/templates.ts'
import type { Receipt } from '../agent/types.ts'
import { Draft } from '../runtime/delivery/composer.ts'
import { LocalInbound } from '../runtime/delivery/local-inbound.ts'
import type { StreamLink } from '../runtime/links/link.ts'
import { laneFor, type SendingParts, type SendParticulars } from './sending.ts'
import { bounded } from './waiting.ts'

/** Brings messages to agents at most once: no state is kept, and whatever happens to one later is counted, not told. */
export class AtMostOnce {
  readonly #parts: SendingParts
  readonly #timeout: number
  readonly #scratch = new Draft({ source: '-', type: '-' })

  /** `timeout`: ms that a sender waits for room where it does not say. */
  constructor(parts: SendingParts, timeout: number) {
    this.#parts = parts
    this.#timeout = timeout
  }

  /**
   * Resolves when the message was handed to its link and the link takes more, or took nothing more for the time given.
   * Rejects with `ERR_BACKPRESSURE` only where the message was not handed over.
   */
  post(template: Template, data: unknown, particulars: SendParticulars | undefined): Promise<Receipt> {
    const { router, links, self, pointToPoint, order, composer, transportTo } = this.#parts
    const member = router.choose(template.name, links.turn.monotonic, particulars?.wish)
    if (member === undefined) return this.#postLater(template, composer.copy(data), particulars)
    router.unanswered(member)
    const { peer } = member.target.place
    const ordered = template.ordering === 'causal'
    const wait = pointToPoint.paused.waitFor(peer, template.flow) ?? (ordered ? order.room() : undefined)
    // What the caller changes while it waits is not sent.
    if (wait !== undefined) return this.#postAfter(wait, template, composer.copy(data), particulars)
    const draft = this.#scratch
    composer.stamp(draft, template.attributes, particulars)
    if (peer === self) return this.#postLocally(draft, data)
    composer.encode(draft, data, composer.preferred)
    const link = links.to(peer, PROTOCOL, laneFor(template.lane, draft.data))
    composer.translate(draft, composer.formatFor(link))
    draft.stamp = ordered ? order.stamp(link) : undefined
    const writable = pointToPoint.send(link, draft)
    if (ordered) order.sent(link)
    const receipt = new SettledReceipt(draft, 'sent', 1, peer, transportTo)
    return writable ? Promise.resolve(receipt) : this.#postDrained(link, receipt, particulars)
  }

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

  /**
   * The message was handed over: its sender is only slowed. To tell it `ERR_BACKPRESSURE`, which asks for another try, would
   * have the message sent twice; and whether its link lives is not told to who asked for no acknowledgement.
   */
  async #postDrained(link: StreamLink, receipt: Receipt, particulars: SendParticulars | undefined): Promise<Receipt> {
    await this.#room(link.drained(), particulars).catch((error: MeshError) => {
      if (error.code !== 'ERR_LINK_CLOSED' && error.code !== 'ERR_BACKPRESSURE') throw error
    })
    return receipt
  }

  #postLocally(draft: Draft, data: unknown): Promise<Receipt> {
    const { composer, bus, deliver, self, pointToPoint, transportTo } = this.#parts
    const inbound = new LocalInbound(composer.local(draft, data), self, 1, undefined, pointToPoint.paused)
    const receipt = new SettledReceipt(draft, 'sent', 1, self, transportTo)
    bus.post(() => deliver(inbound))
    return Promise.resolve(receipt)
  }

  #room(wait: Promise<void>, particulars: SendParticulars | undefined): Promise<void> {
    const timeout = particulars?.timeout ?? this.#timeout
    const late = (): MeshError => new MeshError('ERR_BACKPRESSURE', `the receiver took nothing more for ${timeout} ms`)
    return bounded(wait, this.#parts.clock, { timeout, signal: particulars?.signal }, late)
  }
}
