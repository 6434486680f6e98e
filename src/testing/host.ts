import { sha256 } from 'multiformats/hashes/sha2'
import { MeshError } from '../../protocols/errors.ts'
import type { Channel, Host, WaitOptions } from '../runtime/ports.ts'
import { abortable } from './abortable.ts'
import type { SimulatedChannel } from './channel.ts'
import { Connection, type Endpoint } from './connection.ts'
import { addressOf, type Identity } from './identity.ts'
import { type Medium, pairOf } from './medium.ts'
import type { MortalClock } from './time.ts'

/** Where hosts meet: everybody who is or was on the network, by PeerId, and the latest connection of each pair. */
export interface Surroundings {
  readonly medium: Medium
  readonly hosts: Map<string, SimulatedHost>
  readonly connections: Map<string, Connection>
}

type Whereabouts = 'stopped' | 'online' | 'crashed' | 'silent'

/** One life of a host on the simulated network: after a crash a new one takes its place under the same identity. */
export class SimulatedHost implements Host, Endpoint {
  onConnect: (peer: string) => void = () => {}
  onDisconnect: (peer: string) => void = () => {}
  /** The simulated broadcast's own ear: called before `onConnect`. */
  onAttached: (peer: string) => void = () => {}
  onDetached: (peer: string) => void = () => {}

  readonly #surroundings: Surroundings
  readonly #identity: Identity
  readonly #clock: MortalClock
  readonly #handlers = new Map<string, (channel: Channel) => void>()
  readonly #book = new Map<string, readonly string[]>()
  readonly #connections = new Map<string, Connection>()
  readonly #dialling = new Map<string, Promise<Connection>>()
  #state: Whereabouts = 'stopped'

  constructor(surroundings: Surroundings, identity: Identity, clock: MortalClock) {
    this.#surroundings = surroundings
    this.#identity = identity
    this.#clock = clock
  }

  get peer(): string {
    return this.#identity.peer
  }

  get label(): string {
    return this.#identity.label
  }

  get online(): boolean {
    return this.#state === 'online'
  }

  addresses(): string[] {
    return this.online ? [addressOf(this.#identity)] : []
  }

  async start(): Promise<void> {
    if (this.#state === 'stopped') this.#state = 'online'
  }

  async stop(): Promise<void> {
    if (!this.online) return
    this.#state = 'stopped'
    for (const connection of [...this.#connections.values()]) connection.hangUp(this)
  }

  /** Nothing of this life runs or is heard any more. `silent`: nor does an operating system say so. */
  crash(silent: boolean): void {
    this.#state = silent ? 'silent' : 'crashed'
    this.#clock.stop()
    for (const connection of this.#connections.values()) connection.vanish(this, silent)
  }

  handle(protocol: string, accept: (channel: Channel) => void): void {
    if (this.#handlers.has(protocol)) throw new MeshError('ERR_ALREADY_REGISTERED', `${protocol} has a handler`)
    this.#handlers.set(protocol, accept)
  }

  acceptor(protocol: string): ((channel: SimulatedChannel) => void) | undefined {
    return this.#handlers.get(protocol)
  }

  async open(peer: string, protocol: string, options: WaitOptions = {}): Promise<Channel> {
    const connection = await abortable(this.#connect(peer), options.signal)
    const opening = connection.open(this, protocol)
    try {
      return await abortable(opening, options.signal)
    } catch (error) {
      opening.then(
        (channel) => channel.abort(error as Error),
        () => undefined
      )
      throw error instanceof MeshError && error.code === 'ERR_LINK_CLOSED' ? unreachable(peer, error.message) : error
    }
  }

  async dial(target: string, options: WaitOptions = {}): Promise<string> {
    const peer = target.startsWith('/') ? this.#peerAt(target) : target
    await abortable(this.#connect(peer), options.signal)
    return peer
  }

  async hangUp(peer: string): Promise<void> {
    this.#connections.get(peer)?.hangUp(this)
  }

  learn(peer: string, addresses: readonly string[]): void {
    if (addresses.length > 0) this.#book.set(peer, [...addresses])
  }

  connected(): string[] {
    return [...this.#connections.keys()]
  }

  isConnected(peer: string): boolean {
    return this.#connections.has(peer)
  }

  transportTo(peer: string): string | undefined {
    return this.isConnected(peer) ? 'memory' : undefined
  }

  /** The connection to a peer, for the simulated network's own messages. */
  connectionTo(peer: string): Connection | undefined {
    return this.#connections.get(peer)
  }

  /** A keyed hash stands for the signature: anybody in the simulation can check it, only the owner makes it. */
  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    return keyedHash(this.#identity.secret, bytes)
  }

  async verify(peer: string, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
    const signer = this.#surroundings.hosts.get(peer)
    if (signer === undefined) return false
    return Buffer.compare(keyedHash(signer.#identity.secret, bytes), signature) === 0
  }

  /** A host that is no more takes no connection, though it dialled: the answer finds nobody. */
  attached(connection: Connection): void {
    if (!this.online) {
      if (this.#state === 'stopped') connection.hangUp(this)
      else connection.vanish(this, this.#state === 'silent')
      return
    }
    const { peer } = connection.peerOf(this)
    const former = this.#connections.get(peer)
    if (former !== connection) former?.lose(this, 'the peer has dialled anew')
    this.#connections.set(peer, connection)
    this.learn(peer, this.#surroundings.hosts.get(peer)?.addresses() ?? [])
    this.onAttached(peer)
    this.onConnect(peer)
  }

  detached(connection: Connection): void {
    const { peer } = connection.peerOf(this)
    if (this.#connections.get(peer) !== connection) return
    this.#connections.delete(peer)
    this.onDetached(peer)
    this.onDisconnect(peer)
  }

  #peerAt(address: string): string {
    const [, label, expected] = /^\/memory\/([^/]+)(?:\/p2p\/([^/]+))?$/.exec(address) ?? []
    const host = [...this.#surroundings.hosts.values()].find((candidate) => candidate.label === label)
    if (host === undefined) throw unreachable(address, 'no such address')
    if (expected !== undefined && expected !== host.peer) throw unreachable(address, `${host.peer} answers there`)
    this.learn(host.peer, [address])
    return host.peer
  }

  async #connect(peer: string): Promise<Connection> {
    if (!this.online) throw new MeshError('ERR_STOPPED', 'the host is not started')
    if (peer === this.peer) throw unreachable(peer, 'that is this host itself')
    const connection = this.#connections.get(peer)
    if (connection !== undefined && !connection.over) return connection
    let dialling = this.#dialling.get(peer)
    if (dialling === undefined) {
      dialling = this.#dial(peer).finally(() => this.#dialling.delete(peer))
      this.#dialling.set(peer, dialling)
    }
    return dialling
  }

  /** A round trip to agree on keys, then the connection, whose first segment is the answer. */
  async #dial(peer: string): Promise<Connection> {
    const { medium, hosts, connections } = this.#surroundings
    if (!this.#book.has(peer)) throw unreachable(peer, 'no address known')
    await this.#elapse(2 * medium.latency() + medium.retransmissions(0))
    const listener = hosts.get(peer)
    if (listener === undefined || listener.#state === 'silent' || medium.isCut(this.label, listener.label)) {
      await this.#elapse(medium.conditions.timeout)
      throw unreachable(peer, 'no answer')
    }
    await this.#elapse(medium.latency())
    if (!listener.online) throw unreachable(peer, 'connection refused')
    if (!this.online) throw new MeshError('ERR_STOPPED', 'the host was stopped meanwhile')
    const pair = pairOf(this.label, listener.label)
    let connection = connections.get(pair)
    if (connection === undefined || connection.over) {
      connection = new Connection(medium, this, listener)
      connections.set(pair, connection)
      connection.establish()
    }
    await connection.attached(this).catch((error: Error) => {
      throw unreachable(peer, error.message)
    })
    return connection
  }

  #elapse(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve))
  }
}

function unreachable(target: string, reason: string): MeshError {
  return new MeshError('ERR_PEER_UNREACHABLE', `cannot reach ${target}: ${reason}`)
}

function keyedHash(secret: Uint8Array, bytes: Uint8Array): Uint8Array {
  const { digest } = sha256.digest(Buffer.concat([secret, bytes])) as { digest: Uint8Array }
  return digest
}
