import { Way } from '../../../protocols/causality/constants.ts'
import { MeshError } from '../../../protocols/errors.ts'
import {
  decodeAcknowledgement,
  decodeAsked,
  decodeRepair,
  decodeSkip,
  decodeSync,
  decodeTaken,
  encodeAcknowledgement,
  encodeRepair,
  openPacket,
  readBatch,
  signatureInput
} from '../../../protocols/publish-subscribe/codec.ts'
import { channelName, FRAME, PUBLISH_SUBSCRIBE } from '../../../protocols/publish-subscribe/constants.ts'
import type { SignedPacket } from '../../../protocols/publish-subscribe/messages.ts'
import type { CausalDriver } from '../causality/driver.ts'
import type { Link, LinkHandler } from '../links/types.ts'
import type { Clock, Host } from '../ports.ts'
import type { Acknowledgements } from './acknowledgements.ts'
import type { PublicationArrivals } from './arrivals.ts'
import type { AssuredPublisher } from './assured-publisher.ts'
import type { AssuredReceiver } from './assured-receiver.ts'
import type { AssuredSubscription } from './assured-subscription.ts'
import type { Channels } from './channels.ts'
import type { InterestView } from './interest.ts'
import type { LocalSubscriptions } from './local.ts'
import type { Logs } from './log/logs.ts'
import type { Outbound } from './outbound.ts'
import type { Pressure } from './pressure.ts'
import { Streams } from './streams.ts'
import type { LocalSubscription } from './subscription.ts'
import type { PubSubLimits, PubSubStats, RefusalReason } from './types.ts'
import type { WidePublisher } from './wide.ts'

export interface ReceiverComponents {
  host: Pick<Host, 'peer' | 'verify'>
  clock: Clock
  limits: PubSubLimits
  stats: PubSubStats
  view: InterestView
  local: LocalSubscriptions<LocalSubscription>
  assuredLocal: LocalSubscriptions<AssuredSubscription>
  assured: AssuredReceiver
  assuring: AssuredPublisher
  channels: Channels
  pressure: Pressure
  outbound: Outbound
  acknowledgements: Acknowledgements
  wide: WidePublisher
  arrivals: PublicationArrivals
  order: CausalDriver | undefined
  logs: Logs
  refused(peer: string, reason: RefusalReason): void
  lost(publisher: string, channel: number, packets: number): void
}

/** What comes in: frames over links, packets over wide channels. */
export class Receiver implements LinkHandler {
  readonly protocol = PUBLISH_SUBSCRIBE
  readonly lanes = ['normal'] as const
  readonly counted = new Set<number>([
    FRAME.messages,
    FRAME.asked,
    FRAME.packet,
    FRAME.sync,
    FRAME.skip,
    FRAME.numbered,
    FRAME.entries
  ])
  readonly #c: ReceiverComponents
  readonly #streams: Streams
  #unverified = 0

  constructor(components: ReceiverComponents) {
    this.#c = components
    this.#streams = new Streams(components.clock, components.limits.stream, components.limits.publishers, {
      deliver: (packet) => this.#packet(packet),
      duplicate: () => components.stats.duplicates++,
      repair: (publisher, epoch, channel, from, to) =>
        components.outbound.signal(publisher, FRAME.repair, encodeRepair({ epoch, channel, from, to })),
      lost: (publisher, channel, packets) => {
        components.stats.lost += packets
        components.lost(publisher, channel, packets)
      },
      synced: (publisher, token) => this.#acknowledge(publisher, token, 0)
    })
  }

  closed(link: Link): void {
    this.#c.logs.unlinked(link.peer, link.direction)
    if (link.direction !== 'outbound') return
    this.#c.order?.severed(link.peer)
    this.#c.outbound.forget(link.peer)
    this.#c.assuring.unlinked(link.peer)
  }

  frame(link: Link, kind: number, body: Uint8Array): void {
    const { acknowledgements, wide, assuring } = this.#c
    if (kind === FRAME.acknowledgement) {
      const { token, subscribers } = decodeAcknowledgement(body)
      acknowledgements.answer(link.peer, token, subscribers)
    } else if (kind === FRAME.repair) {
      wide.repair(link.peer, decodeRepair(body))
    } else if (kind === FRAME.taken) {
      assuring.acknowledged(link.peer, decodeTaken(body))
    } else if (kind === FRAME.fetch) {
      this.#c.logs.fetch(link.peer, body)
    } else {
      this.#counted(link, kind, body)
      this.#c.pressure.credit(link, body.length)
    }
  }

  #counted(link: Link, kind: number, body: Uint8Array): void {
    const { peer } = link
    if (kind === FRAME.messages) this.#batch(Way.link, peer, body)
    else if (kind === FRAME.numbered) this.#c.assured.frame(link, body)
    else if (kind === FRAME.entries) this.#c.logs.entries(peer, body)
    else if (kind === FRAME.asked) {
      const { token, batch } = decodeAsked(body)
      const subscribers = this.#batch(Way.link, peer, batch)
      link.send(FRAME.acknowledgement, encodeAcknowledgement({ token, subscribers }), false)
    } else if (kind === FRAME.packet) this.#linked(peer, body)
    else if (kind === FRAME.sync) {
      const { token, channel, number } = decodeSync(body)
      if (number === 0) this.#acknowledge(peer, token, 0)
      else this.#streams.sync(peer, channel, number, token)
    } else if (kind === FRAME.skip) {
      const { epoch, channel, from, to, lost } = decodeSkip(body)
      this.#streams.skip(peer, epoch, channel, from, to, lost)
    } else throw new MeshError('ERR_PROTOCOL', `publish-subscribe: no frame of kind ${kind}`)
  }

  /** Returns how many local subscriptions the messages reached. */
  #batch(way: Way, publisher: string, batch: Uint8Array): number {
    return this.#c.arrivals.batch(way, publisher, batch, this.#c.local)
  }

  /** The link proves who sent it: the signature need not be looked at. */
  #linked(peer: string, body: Uint8Array): void {
    const packet = openPacket(body.slice())
    if (packet.publisher !== peer) throw new MeshError('ERR_PROTOCOL', `${peer} sends packets of ${packet.publisher}`)
    if (this.#streams.judge(packet) === 'stale') this.#c.refused(peer, 'stale')
    else this.#streams.packet(packet, this.#c.channels.has(packet.channel))
  }

  /** From a wide channel: nobody is to be believed before the signature. */
  async broadcast(name: string, bytes: Uint8Array): Promise<void> {
    const { host, stats, limits, refused } = this.#c
    let packet: SignedPacket
    try {
      packet = openPacket(bytes)
    } catch {
      return refused('', 'malformed')
    }
    const { publisher } = packet
    if (publisher === host.peer) return
    if (channelName(packet.channel) !== name) return refused(publisher, 'malformed')
    const judgement = this.#streams.judge(packet)
    if (judgement === 'stale') return refused(publisher, 'stale')
    if (judgement === 'seen') {
      stats.duplicates++
      return
    }
    if (this.#unverified + bytes.length > limits.unverifiedBytes) return refused(publisher, 'unverified')
    if (await this.#genuine(packet, bytes.length)) this.#streams.packet(packet, true)
    else refused(publisher, 'forged')
  }

  async #genuine(packet: SignedPacket, size: number): Promise<boolean> {
    this.#unverified += size
    try {
      return await this.#c.host.verify(packet.publisher, signatureInput(packet.signed), packet.signature)
    } catch {
      // A publisher that is no PeerId, or a signature that cannot be read.
      return false
    } finally {
      this.#unverified -= size
    }
  }

  /** The next packet of a stream, each once and in order. */
  #packet(packet: SignedPacket): void {
    const { publisher, ask, batch } = packet
    let reached = 0
    try {
      reached = this.#batch(Way.wide, publisher, batch) + this.#strange(publisher, batch)
    } catch {
      this.#c.refused(publisher, 'malformed')
    }
    if (ask === undefined) return
    const asked = ask.peers.length === 0 ? reached > 0 : ask.peers.includes(this.#c.host.peer)
    if (asked) this.#acknowledge(publisher, ask.token, reached)
  }

  /** Of a publisher that may not know us: what it gossips is all that at-least-once subscriptions can have of it. */
  #strange(publisher: string, batch: Uint8Array): number {
    const { assuredLocal, view } = this.#c
    let reached = 0
    if (assuredLocal.size === 0 || view.knows(publisher)) return reached
    readBatch(batch, (topic, bytes) => {
      reached += assuredLocal.deliver(publisher, topic, bytes, true)
    })
    return reached
  }

  #acknowledge(publisher: string, token: number, subscribers: number): void {
    this.#c.outbound.signal(publisher, FRAME.acknowledgement, encodeAcknowledgement({ token, subscribers }))
  }

  stop(): void {
    this.#streams.stop()
  }
}
