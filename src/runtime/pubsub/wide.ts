import {
  BatchWriter,
  encodeSkip,
  packetToSign,
  sealPacket,
  signatureInput
} from '../../../protocols/publish-subscribe/codec.ts'
import {
  channelName,
  FRAME,
  MAX_BATCH_BYTES,
  MAX_BATCH_MESSAGES,
  MAX_GOSSIP_BYTES,
  NONCE_BYTES
} from '../../../protocols/publish-subscribe/constants.ts'
import type { Ask, Repair } from '../../../protocols/publish-subscribe/messages.ts'
import type { Route } from '../../core/pubsub/route.ts'
import type { Broadcast, Clock, Dice, Host, Timer } from '../ports.ts'
import { History } from './history.ts'
import type { Outbound } from './outbound.ts'
import type { PubSubLimits, PubSubStats } from './types.ts'
import type { Window } from './window.ts'

/** Times that the last number is told again: with one packet in ten lost, one last packet in ten thousand goes unnoticed. */
const TELLINGS = 3

/** A packet being built. */
interface Draft {
  batch: BatchWriter
  /** Of the topics in it. They are shared with the cache of routes, so that keeping them costs next to nothing. */
  routes: Set<Route>
}

const NOBODY: readonly string[] = []

function union(routes: ReadonlySet<Route>, peers: (route: Route) => readonly string[]): readonly string[] {
  if (routes.size === 1) for (const route of routes) return peers(route)
  return [...new Set([...routes].flatMap(peers))]
}

interface ChannelState {
  number: number
  draft: Draft | undefined
  /** Packets leave in the order of their numbers, though signing them takes its time. */
  chain: Promise<void>
  tail: Timer | undefined
  /** Empty packets since the last message. */
  told: number
}

function concerns(routes: ReadonlySet<Route>, peer: string): boolean {
  for (const route of routes) if (route.interested.some((interest) => interest.peer === peer)) return true
  return false
}

export interface WideComponents {
  host: Pick<Host, 'peer' | 'sign'>
  broadcast: Broadcast
  clock: Clock
  dice: Dice
  outbound: Outbound
  window: Window
  limits: PubSubLimits
  stats: PubSubStats
  epoch: number
  failed(error: unknown): void
}

/** The publisher's side of the wide channels: numbers, signs, gossips, sends over links to whom the channel does not serve, repairs. */
export class WidePublisher {
  readonly #c: WideComponents
  readonly #channels = new Map<number, ChannelState>()
  readonly #history: History

  constructor(components: WideComponents) {
    this.#c = components
    this.#history = new History(components.limits.history)
  }

  #channel(channel: number): ChannelState {
    let state = this.#channels.get(channel)
    if (state === undefined) {
      state = { number: 0, draft: undefined, chain: Promise.resolve(), tail: undefined, told: 0 }
      this.#channels.set(channel, state)
    }
    return state
  }

  /** Puts a message into the channel's packet; with a `token` into one of its own, which leaves at once. */
  add(route: Route, topic: string, bytes: Uint8Array, stamp: Uint8Array | undefined, token: number | undefined): void {
    const { channel } = route
    const state = this.#channel(channel)
    const full = state.draft !== undefined && state.draft.batch.length + bytes.length > MAX_BATCH_BYTES
    if (full || token !== undefined) this.#leave(channel, state)
    state.draft ??= { batch: new BatchWriter(), routes: new Set() }
    const { draft } = state
    draft.batch.add(topic, bytes, stamp)
    draft.routes.add(route)
    if (token !== undefined) this.#leave(channel, state, { token, peers: [] })
    else if (draft.batch.count >= MAX_BATCH_MESSAGES || draft.batch.length >= MAX_BATCH_BYTES)
      this.#leave(channel, state)
  }

  flush(): void {
    for (const [channel, state] of this.#channels) this.#leave(channel, state)
  }

  /** The number of the last packet, and when everything up to it has been handed over. */
  last(channel: number): { number: number; sent: Promise<void> } {
    const { number, chain } = this.#channel(channel)
    return { number, sent: chain }
  }

  #leave(channel: number, state: ChannelState, ask?: Ask): void {
    const { draft } = state
    if (draft === undefined) return
    state.draft = undefined
    const number = ++state.number
    const batch = draft.batch.finish()
    const gossiped = union(draft.routes, (route) => route.gossiped)
    const asked = ask ?? this.#c.window.spend(batch.length, gossiped)
    const sealing = this.#seal(channel, number, batch, asked)
    state.chain = state.chain
      .then(async () => this.#send(channel, number, await sealing, draft))
      .catch((error: unknown) => this.#c.failed(error))
    state.tail?.cancel()
    this.#watch(channel, state, draft.batch.count > 0 ? 0 : state.told, draft.routes)
  }

  /** Empty packets, after ever longer silence: whoever lost the last one would otherwise not know. */
  #watch(channel: number, state: ChannelState, told: number, routes: Set<Route>): void {
    state.told = told
    if (told >= TELLINGS || ![...routes].some((route) => route.gossiped.length > 0)) return
    state.tail = this.#c.clock.after(this.#c.limits.tail * 4 ** told, () => {
      if (state.draft !== undefined) return
      state.told++
      state.draft = { batch: new BatchWriter(), routes }
      this.#leave(channel, state)
    })
  }

  async #seal(channel: number, number: number, batch: Uint8Array, ask: Ask | undefined): Promise<Uint8Array> {
    const { host, dice, epoch } = this.#c
    const signed = packetToSign({ publisher: host.peer, epoch, channel, number, ask, batch }, dice.bytes(NONCE_BYTES))
    return sealPacket(signed, await host.sign(signatureInput(signed)))
  }

  async #send(channel: number, number: number, sealed: Uint8Array, draft: Draft): Promise<void> {
    const { broadcast, outbound, stats } = this.#c
    const name = channelName(channel)
    this.#history.keep({ channel, number, sealed, meant: draft.routes })
    const audible = sealed.length <= MAX_GOSSIP_BYTES && broadcast.subscribers(name).length > 0
    const all = (route: Route) => route.interested.map(({ peer }) => peer)
    const linked = audible ? (route: Route) => route.linked.peers : all
    const peers = draft.batch.count > 0 ? union(draft.routes, linked) : NOBODY
    stats.bytes.direct += outbound.send(peers, FRAME.packet, sealed) * sealed.length
    if (!audible) return
    stats.batches.gossip++
    stats.bytes.gossip += sealed.length
    await broadcast.publish(name, sealed)
  }

  /** Answers over the link: what is kept and was meant for the asker, then that nothing more comes. */
  repair(peer: string, repair: Repair): void {
    const { outbound, stats, epoch } = this.#c
    // A peer that does not take what it asked for will ask again: its credit bounds what asking can cost.
    if (repair.epoch !== epoch || !outbound.ready([peer])) return
    let lost = 0
    for (let number = repair.from; number <= repair.to; number++) {
      const kept = this.#history.get(repair.channel, number)
      if (kept === undefined) lost++
      else if (concerns(kept.meant, peer)) {
        stats.repaired++
        outbound.send([peer], FRAME.packet, kept.sealed)
      }
    }
    outbound.send([peer], FRAME.skip, encodeSkip({ ...repair, lost }))
  }

  stop(): void {
    for (const state of this.#channels.values()) state.tail?.cancel()
  }
}
