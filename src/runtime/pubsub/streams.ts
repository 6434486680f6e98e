import type { SignedPacket } from '../../../protocols/publish-subscribe/messages.ts'
import { ChannelStream, type StreamEffect, type StreamInput, type StreamLimits } from '../../core/pubsub/stream.ts'
import type { Clock, Timer } from '../ports.ts'

interface Slot {
  stream: ChannelStream<SignedPacket>
  timer: Timer | undefined
}

interface Publisher {
  epoch: number
  channels: Map<number, Slot>
}

/** What a stream's effects come to. */
export interface StreamDeeds {
  deliver(packet: SignedPacket): void
  duplicate(publisher: string): void
  repair(publisher: string, epoch: number, channel: number, from: number, to: number): void
  lost(publisher: string, channel: number, packets: number): void
  synced(publisher: string, token: number): void
}

/** The streams of each publisher that was heard on a wide channel: of those heard most recently, `limit` publishers. */
export class Streams {
  readonly #clock: Clock
  readonly #limits: StreamLimits
  readonly #limit: number
  readonly #deeds: StreamDeeds
  readonly #publishers = new Map<string, Publisher>()

  constructor(clock: Clock, limits: StreamLimits, limit: number, deeds: StreamDeeds) {
    this.#clock = clock
    this.#limits = limits
    this.#limit = limit
    this.#deeds = deeds
  }

  get size(): number {
    return this.#publishers.size
  }

  /** What may be dropped before its signature is looked at: `stale` is a former life's, `seen` a repetition. */
  judge({ publisher, epoch, channel, number }: SignedPacket): 'new' | 'seen' | 'stale' {
    const known = this.#publishers.get(publisher)
    if (known === undefined || epoch > known.epoch) return 'new'
    if (epoch < known.epoch) return 'stale'
    return known.channels.get(channel)?.stream.seen(number) ? 'seen' : 'new'
  }

  /** Takes a packet whose publisher is proven. */
  packet(packet: SignedPacket, whole: boolean): void {
    const { publisher, epoch, channel, number } = packet
    const slot = this.#slot(publisher, epoch, channel)
    if (slot === undefined) return
    const bytes = packet.signed.length
    this.#handle(publisher, epoch, channel, slot, { kind: 'packet', number, bytes, packet, whole })
  }

  skip(publisher: string, epoch: number, channel: number, from: number, to: number, lost: number): void {
    const known = this.#publishers.get(publisher)
    const slot = known?.epoch === epoch ? known.channels.get(channel) : undefined
    if (slot !== undefined) this.#handle(publisher, epoch, channel, slot, { kind: 'skip', from, to, lost })
  }

  sync(publisher: string, channel: number, number: number, token: number): void {
    const known = this.#publishers.get(publisher)
    const slot = known?.channels.get(channel)
    if (known === undefined || slot === undefined) this.#deeds.synced(publisher, token)
    else this.#handle(publisher, known.epoch, channel, slot, { kind: 'sync', number, token })
  }

  #slot(name: string, epoch: number, channel: number): Slot | undefined {
    let publisher = this.#publishers.get(name)
    if (publisher !== undefined && publisher.epoch > epoch) return undefined
    if (publisher === undefined || publisher.epoch < epoch) {
      this.#forget(name)
      publisher = { epoch, channels: new Map() }
    }
    // Back to the end of the order of use.
    this.#publishers.delete(name)
    this.#publishers.set(name, publisher)
    if (this.#publishers.size > this.#limit) this.#forget(this.#publishers.keys().next().value!)
    let slot = publisher.channels.get(channel)
    if (slot === undefined) {
      slot = { stream: new ChannelStream(this.#limits), timer: undefined }
      publisher.channels.set(channel, slot)
    }
    return slot
  }

  #handle(publisher: string, epoch: number, channel: number, slot: Slot, input: StreamInput<SignedPacket>): void {
    const effects: StreamEffect<SignedPacket>[] = []
    slot.stream.handle(input, this.#clock.monotonic(), effects)
    for (const effect of effects) {
      if (effect.kind === 'deliver') this.#deeds.deliver(effect.packet)
      else if (effect.kind === 'duplicate') this.#deeds.duplicate(publisher)
      else if (effect.kind === 'repair') this.#deeds.repair(publisher, epoch, channel, effect.from, effect.to)
      else if (effect.kind === 'lost') this.#deeds.lost(publisher, channel, effect.packets)
      else if (effect.kind === 'synced') this.#deeds.synced(publisher, effect.token)
      else {
        slot.timer?.cancel()
        slot.timer = this.#clock.after(effect.ms, () =>
          this.#handle(publisher, epoch, channel, slot, { kind: 'timer' })
        )
      }
    }
  }

  #forget(name: string): void {
    for (const slot of this.#publishers.get(name)?.channels.values() ?? []) slot.timer?.cancel()
    this.#publishers.delete(name)
  }

  stop(): void {
    for (const name of [...this.#publishers.keys()]) this.#forget(name)
  }
}
