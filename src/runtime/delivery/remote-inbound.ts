import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { toRemoteShape } from '../../../protocols/errors.ts'
import { encodeFlow, encodeNak, flowOf, type Place } from '../../../protocols/point-to-point/codec.ts'
import { Kind, MAX_FLOW_BYTES } from '../../../protocols/point-to-point/constants.ts'
import type { Ordered } from '../causality/ordered.ts'
import type { StreamLink } from '../links/link.ts'
import type { Conversation } from './conversation.ts'
import type { Inbound } from './inbound.ts'
import type { PausedSenders } from './paused-senders.ts'

/** Where a message goes that has a place in the causal order. */
export interface Onward {
  deliver(inbound: Inbound): void
  /** Nobody acknowledges it, and what follows it was handed out already. */
  late(peer: string): void
}

/** A message that came over a link. */
export class RemoteInbound implements Inbound, Ordered {
  readonly message: WireMessage
  readonly attempt: number
  readonly bytes: number
  readonly place: Place | undefined
  /** Set where it has to wait for its turn. */
  onward: Onward | undefined
  readonly #link: StreamLink
  /** Undefined for a message that nobody acknowledges. */
  readonly #conversation: Conversation | undefined
  readonly #sequence: number
  #holdsCredit = true
  #settled = false

  constructor(
    link: StreamLink,
    conversation: Conversation | undefined,
    message: WireMessage,
    sequence: number,
    attempt: number,
    bytes: number,
    place?: Place
  ) {
    this.#link = link
    this.#conversation = conversation
    this.message = message
    this.#sequence = sequence
    this.attempt = attempt
    this.bytes = bytes
    this.place = place
  }

  get target(): string {
    return this.message.attributes.routing?.target ?? ''
  }
  get instance(): string | undefined {
    return this.message.attributes.routing?.instance
  }
  get peer(): string {
    return this.#link.peer
  }
  get timeout(): number | undefined {
    return this.#conversation === undefined ? undefined : this.message.attributes.guarantee?.timeout
  }

  get bounded(): boolean {
    return true
  }

  get published(): boolean {
    return false
  }

  get orphaned(): boolean {
    return this.#conversation !== undefined && this.#link.closed
  }

  hand(waited: Readonly<Record<string, number>> | undefined): void {
    if (waited !== undefined) this.message.waited = waited
    this.onward!.deliver(this)
  }

  late(): void {
    // Whoever is told how it ended sent it again, and is to hear that it is here.
    if (this.#conversation !== undefined) this.onward!.deliver(this)
    else {
      this.release()
      this.onward!.late(this.peer)
    }
  }

  wait(crowded: boolean): void {
    this.detach()
    if (!crowded) this.release()
  }

  detach(): void {
    this.message.detach()
  }

  release(): void {
    if (!this.#holdsCredit) return
    this.#holdsCredit = false
    this.#link.consumed(this.bytes)
  }

  done(): void {
    if (this.#holdsCredit) this.release()
    if (this.#conversation === undefined || this.#settled) return
    this.#settled = true
    this.#conversation.open--
    this.#conversation.acks.add(this.#sequence)
  }

  again(): void {
    this.release()
    if (this.#conversation === undefined || this.#settled) return
    this.#settled = true
    this.#conversation.open--
    this.#conversation.repeats.add(this.#sequence)
  }

  refuse(error: unknown, delay?: number, thrown = false): void {
    this.release()
    if (this.#conversation === undefined || this.#settled) return
    this.#settled = true
    this.#conversation.open--
    if (this.#link.closed) return
    const shape = { ...toRemoteShape(error), thrown }
    this.#link.send(Kind.nak, encodeNak({ sequence: this.#sequence, error: shape, delay }), false)
  }

  pause(paused: PausedSenders): void {
    const link = this.#link
    const flow = flowOf(this.target, this.message.type)
    const body = encodeFlow(flow)
    // Of a longer type nobody keeps note: its sender's credit is what holds it.
    if (body.length > MAX_FLOW_BYTES) return
    link.send(Kind.pause, body, false)
    paused.add(link, flow, () => {
      if (!link.closed) link.send(Kind.resume, body, false)
    })
  }
}
