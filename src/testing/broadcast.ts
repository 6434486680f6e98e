import { MeshError } from '../../protocols/errors.ts'
import type { Broadcast } from '../runtime/ports.ts'
import type { SimulatedHost, Surroundings } from './host.ts'

/** Everybody's broadcast by PeerId: the latest life of each. */
export type Broadcasts = Map<string, SimulatedBroadcast>

/**
 * Epidemic broadcast. Who has joined is announced to the directly connected; a message spreads along what its bearers
 * know of each other, reaches each at most once, and not the publisher. A loss here is final for the peer it strikes.
 */
export class SimulatedBroadcast implements Broadcast {
  onMessage: (channel: string, bytes: Uint8Array) => void = () => {}
  readonly #host: SimulatedHost
  readonly #surroundings: Surroundings
  readonly #everybody: Broadcasts
  readonly #joined = new Set<string>()
  /** Channel → connected peers that said they joined it. */
  readonly #known = new Map<string, Set<string>>()

  constructor(host: SimulatedHost, surroundings: Surroundings, everybody: Broadcasts) {
    this.#host = host
    this.#surroundings = surroundings
    this.#everybody = everybody
    host.onAttached = (peer) => {
      for (const channel of this.#joined) this.#tell(peer, 'join', channel)
    }
    host.onDetached = (peer) => {
      for (const peers of this.#known.values()) peers.delete(peer)
    }
  }

  join(channel: string): void {
    if (this.#joined.has(channel)) return
    this.#joined.add(channel)
    for (const peer of this.#host.connected()) this.#tell(peer, 'join', channel)
  }

  leave(channel: string): void {
    if (!this.#joined.delete(channel)) return
    for (const peer of this.#host.connected()) this.#tell(peer, 'leave', channel)
  }

  subscribers(channel: string): string[] {
    return [...(this.#known.get(channel) ?? [])]
  }

  async publish(channel: string, bytes: Uint8Array): Promise<void> {
    if (!this.#host.online) throw new MeshError('ERR_STOPPED', 'the host is not started')
    const { medium } = this.#surroundings
    const heard = new Set([this.#host.peer])
    const bearers: { bearer: SimulatedBroadcast; time: number }[] = [{ bearer: this, time: medium.time.now }]
    for (const { bearer, time } of bearers) {
      for (const peer of bearer.subscribers(channel)) {
        const receiver = this.#everybody.get(peer)
        if (receiver === undefined || heard.has(peer) || medium.isCut(bearer.#host.label, receiver.#host.label))
          continue
        heard.add(peer)
        if (medium.loses()) {
          medium.trace.add(time, bearer.#host.label, receiver.#host.label, 'lost', channel, bytes)
          continue
        }
        const arrival = time + medium.latency()
        medium.time.at(arrival, () => receiver.#hear(bearer.#host.label, channel, new Uint8Array(bytes)))
        bearers.push({ bearer: receiver, time: arrival })
      }
    }
  }

  #hear(from: string, channel: string, bytes: Uint8Array): void {
    const { medium } = this.#surroundings
    if (!this.#host.online || !this.#joined.has(channel) || medium.isCut(from, this.#host.label)) return
    medium.trace.add(medium.time.now, from, this.#host.label, 'broadcast', channel, bytes)
    this.onMessage(channel, bytes)
  }

  #tell(peer: string, event: 'join' | 'leave', channel: string): void {
    const receiver = this.#everybody.get(peer)
    if (receiver === undefined) return
    const arrive = () => receiver.#told(this.#host.peer, event, channel)
    this.#host.connectionTo(peer)?.carry(this.#host, event, channel, arrive)
  }

  #told(peer: string, event: 'join' | 'leave', channel: string): void {
    const peers = this.#known.get(channel) ?? new Set()
    if (event === 'leave') peers.delete(peer)
    else if (this.#host.isConnected(peer)) peers.add(peer)
    this.#known.set(channel, peers)
  }
}
