import { createHash } from 'node:crypto'
import { MeshError } from '../../../protocols/errors.ts'
import type { Link, LinkHandler, Links } from '../../../src/runtime/links/types.ts'
import { createMembership } from '../../../src/runtime/membership/create.ts'
import type { MembershipDriver, MembershipDriverOptions } from '../../../src/runtime/membership/types.ts'
import type { Clock, Dice, Host, Timer } from '../../../src/runtime/ports.ts'
import { seeded } from '../../core/seeded.ts'

/** A clock that moves when told, and lets promises settle between two of its steps. */
class VirtualClock implements Clock {
  time = 0
  #order = 0
  #planned: { at: number; order: number; fn: () => void }[] = []

  now(): number {
    return 1_700_000_000_000 + this.time
  }

  monotonic(): number {
    return this.time
  }

  after(ms: number, fn: () => void): Timer {
    const step = { at: this.time + ms, order: this.#order++, fn }
    this.#planned.push(step)
    return {
      cancel: () => {
        this.#planned = this.#planned.filter((other) => other !== step)
      }
    }
  }

  endOfTurn(fn: () => void): void {
    this.after(0, fn)
  }

  async advance(ms: number): Promise<void> {
    const until = this.time + ms
    await settle()
    for (;;) {
      const due = this.#planned.filter((step) => step.at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (due === undefined) break
      this.#planned = this.#planned.filter((step) => step !== due)
      this.time = Math.max(this.time, due.at)
      due.fn()
      await settle()
    }
    this.time = until
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve()
}

/** Hosts that reach each other through memory, one connection a pair. */
export class FakeNetwork {
  readonly clock = new VirtualClock()
  readonly hosts = new Map<string, FakeHost>()
  readonly random: () => number

  constructor(seed: number) {
    this.random = seeded(seed)
  }

  get dice(): Dice {
    const { random } = this
    return { random, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)) }
  }

  node(
    peer: string,
    options: MembershipDriverOptions = {},
    report = (_: MeshError): void => {}
  ): { host: FakeHost; membership: MembershipDriver } {
    const host = new FakeHost(this, peer)
    this.hosts.set(peer, host)
    const self = { name: peer, region: 'eu', zone: 'eu-a' }
    const membership = createMembership({
      host,
      links: host,
      clock: this.clock,
      dice: this.dice,
      self,
      options,
      report
    })
    host.onConnect = (other) => membership.connected(other)
    host.onDisconnect = (other) => membership.disconnected(other)
    return { host, membership }
  }
}

export class FakeHost implements Host, Links {
  readonly peer: string
  readonly network: FakeNetwork
  readonly peers = new Set<string>()
  readonly dials: string[] = []
  readonly aborted: MeshError[] = []
  handler: LinkHandler | undefined
  listening = true
  /** Takes connections and frames, and answers nothing: half-open. */
  mute = false
  verified = 0
  sent = 0
  onConnect: (peer: string) => void = () => {}
  onDisconnect: (peer: string) => void = () => {}

  constructor(network: FakeNetwork, peer: string) {
    this.network = network
    this.peer = peer
  }

  addresses(): string[] {
    return [`/memory/${this.peer}/p2p/${this.peer}`]
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.listening = false
    for (const peer of [...this.peers]) this.#disconnect(peer)
  }

  handle(): void {}

  open(): Promise<never> {
    throw new MeshError('ERR_UNSUPPORTED', 'no streams here')
  }

  async dial(target: string): Promise<string> {
    this.dials.push(target)
    const peer = target.slice(target.lastIndexOf('/') + 1)
    const other = this.network.hosts.get(peer)
    await Promise.resolve()
    if (!other?.listening) throw new MeshError('ERR_PEER_UNREACHABLE', target)
    if (!this.peers.has(peer)) {
      this.peers.add(peer)
      other.peers.add(this.peer)
      this.onConnect(peer)
      other.onConnect(this.peer)
    }
    return peer
  }

  async hangUp(peer: string): Promise<void> {
    this.#disconnect(peer)
  }

  learn(): void {}

  connected(): string[] {
    return [...this.peers]
  }

  isConnected(peer: string): boolean {
    return this.peers.has(peer)
  }

  transportTo(peer: string): string | undefined {
    return this.peers.has(peer) ? 'memory' : undefined
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    return seal(this.peer, bytes)
  }

  async verify(peer: string, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
    this.verified++
    return Buffer.from(seal(peer, bytes)).equals(signature)
  }

  register(handler: LinkHandler): void {
    this.handler = handler
  }

  to(peer: string): Link {
    return this.#link(peer, (kind, body) => {
      const other = this.network.hosts.get(peer)
      this.sent++
      if (!this.peers.has(peer)) throw new MeshError('ERR_LINK_CLOSED', peer)
      if (this.mute || other?.mute) return
      const copy = Uint8Array.from(body)
      this.network.clock.after(1, () => {
        if (other?.peers.has(this.peer)) other.take(this.peer, kind, copy)
      })
    })
  }

  /** A frame from a peer, as the links hand it in: an error costs the stream. */
  take(from: string, kind: number, body: Uint8Array): void {
    const link = this.#link(from, () => {})
    try {
      this.handler?.frame(link, kind, body)
    } catch (error) {
      link.abort(error as Error)
    }
  }

  #link(peer: string, send: (kind: number, body: Uint8Array) => void): Link {
    return {
      peer,
      protocol: '/phoenix/overlay/1.0.0',
      lane: 'control',
      direction: 'outbound',
      closed: false,
      writable: true,
      send: (kind, body) => {
        send(kind, body)
        return true
      },
      drained: async () => {},
      flush: () => {},
      consumed: () => {},
      abort: (error) => {
        this.aborted.push(error as MeshError)
      }
    }
  }

  #disconnect(peer: string): void {
    if (!this.peers.delete(peer)) return
    this.onDisconnect(peer)
    const other = this.network.hosts.get(peer)
    if (other?.peers.delete(this.peer)) other.onDisconnect(this.peer)
  }
}

/** Stands for a signature: a digest that only the named peer is supposed to make. */
function seal(peer: string, bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(peer).update(bytes).digest()
}
