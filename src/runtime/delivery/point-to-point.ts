import type { Outgoing } from '../../../protocols/envelope/outgoing.ts'
import { Cursor, MAX_VARINT, writeVarint } from '../../../protocols/envelope/varint.ts'
import type { WireMessage } from '../../../protocols/envelope/wire-message.ts'
import { MeshError, RemoteError } from '../../../protocols/errors.ts'
import { COUNTED, LANES } from '../../../protocols/framing/constants.ts'
import {
  decodeAck,
  decodeFlow,
  decodeNak,
  decodeNumber,
  MAX_PLACE_BYTES,
  type Place,
  readPlace,
  writePlace
} from '../../../protocols/point-to-point/codec.ts'
import { Kind, PROTOCOL } from '../../../protocols/point-to-point/constants.ts'
import type { CausalDriver } from '../causality/driver.ts'
import type { StreamLink } from '../links/link.ts'
import type { Turn } from '../links/turn.ts'
import type { Link, LinkHandler } from '../links/types.ts'
import type { Clock } from '../ports.ts'
import { Conversation, type Sent, type Tracked } from './conversation.ts'
import type { Deliver } from './inbound.ts'
import { PausedFlows } from './paused-flows.ts'
import { type Onward, RemoteInbound } from './remote-inbound.ts'
import { SignsOfLife } from './signs-of-life.ts'

export interface PointToPointOptions {
  clock: Clock
  turn: Turn
  deliver: Deliver
  /** Takes what is to be recognised when it comes twice. */
  recognise: Deliver
  order: Pick<CausalDriver, 'arrive' | 'severed'>
  /** A message that nobody acknowledges came behind what follows it. */
  late: (peer: string) => void
  /** At-most-once messages that were still queued when their link closed: at least so many. */
  dropped: (peer: string, count: number, cause: Error | undefined) => void
  /** A link closed over which tracked messages came that are still being handled, or wait for it. */
  orphaned: (reason: MeshError) => void
}

/** The driver of `protocols/point-to-point`: messages out, messages in, and what is said about them in between. */
export class PointToPoint implements LinkHandler {
  readonly protocol = PROTOCOL
  readonly lanes = LANES
  readonly counted = new Set<number>([Kind.message, Kind.tracked, Kind.numbered])
  /** What we were asked to hold back. */
  readonly paused = new PausedFlows()
  readonly #options: PointToPointOptions
  readonly #onward: Onward
  readonly #onwardNumbered: Onward
  readonly #life: SignsOfLife
  /** Links that somebody waits for. */
  readonly #awaited = new Map<StreamLink, PromiseWithResolvers<void>>()
  readonly #cursor = new Cursor()

  constructor(options: PointToPointOptions) {
    this.#options = options
    this.#life = new SignsOfLife(options.clock)
    const { deliver, recognise, late } = options
    this.#onward = { deliver, late }
    this.#onwardNumbered = { deliver: recognise, late }
  }

  /** Sends without acknowledgement; returns whether the sender may go on at once. */
  send(link: StreamLink, message: Outgoing): boolean {
    const bound = link.encoder.measure(message)
    const at = link.begin(Kind.message | COUNTED, bound)
    return link.end(link.encoder.write(link.buffer, at, message), true)
  }

  /** Sends and follows up: exactly one of `entry`'s two callbacks is called, unless this throws. */
  track(link: StreamLink, message: Outgoing, attempt: number, entry: Tracked): boolean {
    const conversation = this.#conversation(link)
    const bound = link.encoder.measure(message) + MAX_VARINT
    let at = link.begin(Kind.tracked | COUNTED, bound)
    at = writeVarint(link.buffer, at, attempt)
    const writable = link.end(link.encoder.write(link.buffer, at, message), true)
    this.#follow(link, conversation, entry)
    return writable
  }

  /** The same for a message that has to be recognised when it comes twice: by its place. */
  trackNumbered(link: StreamLink, message: Outgoing, attempt: number, place: Place, entry: Tracked): void {
    const conversation = this.#conversation(link)
    const bound = link.encoder.measure(message) + MAX_VARINT + MAX_PLACE_BYTES
    let at = link.begin(Kind.numbered | COUNTED, bound)
    at = writeVarint(link.buffer, at, attempt)
    at = writePlace(link.buffer, at, place)
    link.end(link.encoder.write(link.buffer, at, message), true)
    this.#follow(link, conversation, entry)
  }

  #follow(link: StreamLink, conversation: Conversation, entry: Tracked): void {
    // Writing may have found out that the stream is gone, and then nobody would settle the entry.
    if (link.closed) throw new MeshError('ERR_LINK_CLOSED', `the link to ${link.peer} closed`)
    conversation.sent.push({ entry, at: this.#options.turn.monotonic })
    this.#life.awaited()
  }

  /** Resolves when the link's peer has greeted: from then on it takes what is sent. `ERR_LINK_CLOSED`. */
  ready(link: StreamLink): Promise<void> {
    if (link.closed) return Promise.reject(new MeshError('ERR_LINK_CLOSED', `the link to ${link.peer} closed`))
    if (link.greeted) return Promise.resolve()
    let awaited = this.#awaited.get(link)
    if (awaited === undefined) this.#awaited.set(link, (awaited = Promise.withResolvers()))
    return awaited.promise
  }

  stop(): void {
    this.#life.stop()
  }

  // ---- LinkHandler -------------------------------------------------------------------------------------------------

  frame(given: Link, kind: number, body: Uint8Array): void {
    const link = given as StreamLink
    switch (kind) {
      case Kind.message:
        this.#untracked(link, body)
        break
      case Kind.tracked:
        this.#tracked(link, body)
        break
      case Kind.numbered:
        this.#numbered(link, body)
        break
      case Kind.ack:
        this.#acknowledged(link, body, acknowledged)
        break
      case Kind.again:
        this.#acknowledged(link, body, recognised)
        break
      case Kind.nak: {
        const { sequence, error, delay } = decodeNak(body)
        this.#conversation(link).sent.settle(sequence)?.entry.failed(new RemoteError(error), delay)
        break
      }
      case Kind.hold:
        this.#life.heard(this.#conversation(link), decodeNumber(body))
        break
      case Kind.pause:
        this.paused.pause(link.peer, decodeFlow(body), link)
        break
      case Kind.resume:
        this.paused.resume(link.peer, decodeFlow(body), link)
        break
      default:
        throw new MeshError('ERR_PROTOCOL', `unknown frame of kind ${kind}`)
    }
  }

  opened(link: Link): void {
    this.#awaited.get(link as StreamLink)?.resolve()
    this.#awaited.delete(link as StreamLink)
  }

  closed(given: Link, error?: Error): void {
    const link = given as StreamLink
    this.#awaited
      .get(link)
      ?.reject(new MeshError('ERR_LINK_CLOSED', `the link to ${link.peer} closed`, { cause: error }))
    this.#awaited.delete(link)
    this.#life.delete(link)
    this.paused.forget(link.peer, link)
    if (link.order !== undefined) this.#options.order.severed(link.peer)
    const conversation = link.state as Conversation | undefined
    // Of a link that carried both kinds the tracked ones are tried again, so they are not counted among the lost.
    const lost = link.unsent - (conversation?.sent.size ?? 0)
    if (lost > 0) this.#options.dropped(link.peer, lost, error)
    if (conversation === undefined) return
    const cause = new MeshError('ERR_LINK_CLOSED', `the link to ${link.peer} closed before an acknowledgement`, {
      cause: error
    })
    for (const [sequence, { entry }] of [...conversation.sent]) {
      conversation.sent.settle(sequence)
      entry.failed(cause, undefined)
    }
    if (conversation.open > 0) this.#options.orphaned(cause)
  }

  busy(link: Link): boolean {
    const conversation = (link as StreamLink).state as Conversation | undefined
    return conversation !== undefined && (conversation.sent.size > 0 || conversation.open > 0)
  }

  // ---- frames ------------------------------------------------------------------------------------------------------

  #untracked(link: StreamLink, body: Uint8Array): void {
    const message = link.decoder.read(body)
    void message.data // what is no data fails here, and costs its sender the stream
    this.#arrived(link, new RemoteInbound(link, undefined, message, -1, 1, body.length), this.#onward)
  }

  #tracked(link: StreamLink, body: Uint8Array): void {
    const conversation = this.#conversation(link)
    const cursor = this.#cursor.open(body)
    const attempt = cursor.varint()
    const message: WireMessage = link.decoder.read(body, cursor.position)
    void message.data
    const sequence = this.#opened(conversation, message)
    const inbound = new RemoteInbound(link, conversation, message, sequence, attempt, body.length)
    this.#arrived(link, inbound, this.#onward)
  }

  /** The message that the link's decoder read last: it goes on, or waits for what it follows. */
  #arrived(link: StreamLink, inbound: RemoteInbound, onward: Onward): void {
    const { decoder } = link
    if (!decoder.stamped) onward.deliver(inbound)
    else {
      inbound.onward = onward
      this.#options.order.arrive(decoder.stamp, link, inbound, inbound.bytes)
    }
  }

  #numbered(link: StreamLink, body: Uint8Array): void {
    const conversation = this.#conversation(link)
    const cursor = this.#cursor.open(body)
    const attempt = cursor.varint()
    const place = readPlace(cursor)
    const message: WireMessage = link.decoder.read(body, cursor.position)
    void message.data
    const sequence = this.#opened(conversation, message)
    const inbound = new RemoteInbound(link, conversation, message, sequence, attempt, body.length, place)
    this.#arrived(link, inbound, this.#onwardNumbered)
  }

  #opened(conversation: Conversation, message: WireMessage): number {
    conversation.open++
    this.#life.holds(conversation, message.attributes.guarantee?.timeout)
    return conversation.received++
  }

  #acknowledged(link: StreamLink, body: Uint8Array, how: (sent: Sent) => void): void {
    const { sent } = this.#conversation(link)
    decodeAck(body, sent.next, (first, last) => sent.settleAll(first, last, how))
  }

  #conversation(link: StreamLink): Conversation {
    if (link.state === undefined) {
      link.state = new Conversation(link, this.#options.turn)
      this.#life.add(link)
    }
    return link.state as Conversation
  }
}

function acknowledged({ entry }: Sent): void {
  entry.acknowledged()
}

function recognised({ entry }: Sent): void {
  entry.recognised()
}
