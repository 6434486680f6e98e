import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { MeshError } from '../../../protocols/errors.ts'
import type { Channel, Host, WaitOptions } from '../ports.ts'
import { StreamChannel } from './channel.ts'
import { Dialer, isPeer, parsePeer } from './dialer.ts'
import { streamRefused, textOf, unreachable, untilAborted } from './failure.ts'
import type { Identity } from './identity.ts'
import type { HostLimits } from './limits.ts'
import { stopWholly } from './stopping.ts'

/** What one call of `learn` may add: a peer with more addresses than this is misconfigured or hostile. */
const MAX_LEARNED = 16
/** Circuit addresses told to others: each relay has several addresses, and a record is not a phone book. */
const MAX_CIRCUIT_ADDRESSES = 4

/** The Host port over a libp2p node. */
export class Libp2pHost implements Host {
  readonly peer: string
  onConnect: (peer: string) => void = () => {}
  onDisconnect: (peer: string) => void = () => {}
  /** `addresses()` is no longer what it was: a relay took us in, or has gone. */
  onAddresses: () => void = () => {}
  roundTrip: (peer: string) => number | undefined = () => undefined
  #told = ''
  readonly #libp2p: Libp2p
  readonly #identity: Identity
  readonly #limits: HostLimits
  readonly #dialer: Dialer
  readonly #handled = new Set<string>()
  /** What `transportTo` found since the peer's connections last changed: it is asked for each message. */
  readonly #transports = new Map<string, 'tcp' | 'relay'>()
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(libp2p: Libp2p, identity: Identity, limits: HostLimits) {
    this.#libp2p = libp2p
    this.#identity = identity
    this.#limits = limits
    this.#dialer = new Dialer(libp2p, limits)
    this.peer = identity.peer
    libp2p.addEventListener('peer:connect', (event) => this.onConnect(event.detail.toString()))
    const changed = (event: CustomEvent<Connection>): boolean =>
      this.#transports.delete(event.detail.remotePeer.toString())
    libp2p.addEventListener('connection:open', changed)
    libp2p.addEventListener('connection:close', changed)
    libp2p.addEventListener('peer:disconnect', (event) => this.onDisconnect(event.detail.toString()))
    libp2p.addEventListener('self:peer:update', () => this.#tellAddresses())
  }

  addresses(): string[] {
    if (this.#libp2p.status !== 'started') return []
    const all = this.#libp2p.getMultiaddrs().map(String)
    const direct = all.filter((address) => !isCircuit(address))
    return [...direct, ...all.filter(isCircuit).slice(0, MAX_CIRCUIT_ADDRESSES)]
  }

  async start(): Promise<void> {
    try {
      this.#starting = Promise.resolve(this.#libp2p.start())
      await this.#starting
    } catch (cause) {
      await this.stop()
      throw new MeshError('ERR_LISTEN', `Cannot listen on ${failedAddresses(cause)}`, { cause })
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopInTime().finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  handle(protocol: string, accept: (channel: Channel) => void): void {
    if (this.#handled.has(protocol)) {
      throw new MeshError('ERR_ALREADY_REGISTERED', `Protocol ${protocol} has a handler`, { details: { protocol } })
    }
    this.#handled.add(protocol)
    const { streamsPerProtocol } = this.#limits
    // The handler is in place when this returns; what follows only tells the address book.
    this.#libp2p
      .handle(protocol, (stream, connection) => accept(this.#channel(stream, connection.remotePeer)), {
        maxInboundStreams: streamsPerProtocol,
        maxOutboundStreams: streamsPerProtocol,
        runOnLimitedConnection: true
      })
      .catch(() => {})
  }

  async open(peer: string, protocol: string, options: WaitOptions = {}): Promise<Channel> {
    this.#mustRun()
    const connection = await this.#dialer.reach(peer, options)
    const opening = connection.newStream(protocol, {
      signal: AbortSignal.timeout(this.#limits.dialTimeout),
      runOnLimitedConnection: true,
      maxOutboundStreams: this.#limits.streamsPerProtocol
    })
    try {
      const stream = await untilAborted(opening, `Opening ${protocol} to ${peer}`, options.signal)
      return this.#channel(stream, connection.remotePeer)
    } catch (cause) {
      // Nobody waits for it any more: should it open after all, it is reset.
      opening.then((stream) => stream.abort(cause as Error)).catch(() => {})
      throw streamRefused(peer, protocol, cause)
    }
  }

  // `async`: a host that was stopped rejects as any other dial does, and never throws at whoever only looks for a rejection.
  async dial(target: string, options: WaitOptions = {}): Promise<string> {
    this.#mustRun()
    return this.#dialer.dial(target, options)
  }

  async hangUp(peer: string): Promise<void> {
    const id = parsePeer(peer)
    const signal = AbortSignal.timeout(this.#limits.stopTimeout)
    await this.#libp2p.hangUp(id, { signal }).catch((cause: unknown) => {
      for (const connection of this.#libp2p.getConnections(id)) connection.abort(unreachable(peer, cause))
    })
  }

  learn(peer: string, addresses: readonly string[]): void {
    const multiaddrs = addresses.slice(0, MAX_LEARNED).flatMap(parseLeniently)
    if (multiaddrs.length === 0 || peer === this.peer || !isPeer(peer)) return
    this.#libp2p.peerStore.merge(parsePeer(peer), { multiaddrs }).catch(() => {})
  }

  connected(): string[] {
    return this.#libp2p.getPeers().map(String)
  }

  isConnected(peer: string): boolean {
    return this.transportTo(peer) !== undefined
  }

  transportTo(peer: string): 'tcp' | 'relay' | undefined {
    const known = this.#transports.get(peer)
    if (known !== undefined) return known
    const connection = isPeer(peer) ? this.#dialer.connection(parsePeer(peer)) : undefined
    if (connection === undefined) return undefined
    const transport = connection.direct ? 'tcp' : 'relay'
    this.#transports.set(peer, transport)
    return transport
  }

  async sign(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#identity.privateKey.sign(bytes)
  }

  async verify(peer: string, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
    try {
      const { publicKey } = parsePeer(peer)
      return publicKey !== undefined && (await publicKey.verify(bytes, signature))
    } catch {
      return false
    }
  }

  #tellAddresses(): void {
    const now = this.addresses().join(' ')
    if (now === this.#told || now === '') return
    this.#told = now
    this.onAddresses()
  }

  #channel(stream: Stream, remote: PeerId): StreamChannel {
    const peer = remote.toString()
    return new StreamChannel(stream, peer, this.#limits.channelCloseTimeout, () => this.roundTrip(peer))
  }

  #mustRun(): void {
    if (this.#libp2p.status !== 'started') throw new MeshError('ERR_STOPPED', 'The host is not running')
  }

  async #stopInTime(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#limits.stopTimeout)
    })
    // libp2p ignores a stop while it starts, and would run for ever.
    const down = (async () => {
      await this.#starting?.catch(() => {})
      await stopWholly(this.#libp2p)
    })().catch(() => {})
    await Promise.race([down, late])
    clearTimeout(timer)
    for (const connection of this.#libp2p.getConnections()) {
      connection.abort(new MeshError('ERR_STOPPED', 'The host has stopped'))
    }
  }
}

/** libp2p lists `<address>: <error with its stack>`, one below the other, under a heading about its own options. */
function failedAddresses(cause: unknown): string {
  const text = textOf(cause)
  const listed = [...text.matchAll(/^\s*(\/\S+): (?:Error: )?(.*)$/gm)].map(([, address, why]) => `${address}: ${why}`)
  return listed.length > 0 ? listed.join('; ') : text
}

function isCircuit(address: string): boolean {
  return address.includes('/p2p-circuit')
}

function parseLeniently(address: string): Multiaddr[] {
  try {
    return [multiaddr(address)]
  } catch {
    return []
  }
}
