import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { MeshError } from '../../../protocols/errors.ts'
import type { WaitOptions } from '../ports.ts'
import { unreachable, untilAborted } from './failure.ts'
import type { HostLimits } from './limits.ts'

/** Reaches peers. Invariant: one dial in flight for each target, because overlapping dials to one peer share one fate. */
export class Dialer {
  readonly #libp2p: Libp2p
  readonly #limits: HostLimits
  readonly #flights = new Map<string, Promise<Connection>>()

  constructor(libp2p: Libp2p, limits: HostLimits) {
    this.#libp2p = libp2p
    this.#limits = limits
  }

  /** The best open connection, dialling where there is none. */
  async reach(peer: string, { signal }: WaitOptions = {}): Promise<Connection> {
    const id = parsePeer(peer)
    return (
      this.connection(id) ??
      untilAborted(
        this.#fly(peer, (until) => this.#toPeer(id, until)),
        `Dialling ${peer}`,
        signal
      )
    )
  }

  /** `target` is a PeerId or a multiaddr, with or without /p2p at its end. */
  async dial(target: string, { signal }: WaitOptions = {}): Promise<string> {
    if (!target.startsWith('/')) return (await this.reach(target, { signal })).remotePeer.toString()
    const address = parseAddress(target)
    const flight = this.#fly(target, (until) => this.#libp2p.dial(address, { signal: until }))
    const connection = await untilAborted(flight, `Dialling ${target}`, signal)
    return connection.remotePeer.toString()
  }

  /** Direct before relayed; undefined where none is open. */
  connection(id: PeerId): Connection | undefined {
    let best: Connection | undefined
    for (const connection of this.#libp2p.getConnections(id)) {
      if (connection.status !== 'open') continue
      if (connection.direct) return connection
      best ??= connection
    }
    return best
  }

  #fly(key: string, dial: (signal: AbortSignal) => Promise<Connection>): Promise<Connection> {
    const flying = this.#flights.get(key)
    if (flying !== undefined) return flying
    const flight = dial(AbortSignal.timeout(this.#limits.dialTimeout))
      .catch((cause: unknown) => {
        throw unreachable(key, cause)
      })
      .finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    return flight
  }

  /**
   * A peer without an address is looked up before it is dialled: whoever dials one of its addresses meanwhile would join
   * libp2p's dial of the peer, in which the new address does not count, and wait in vain for what the lookup finds.
   */
  async #toPeer(id: PeerId, signal: AbortSignal): Promise<Connection> {
    if (!(await this.#hasAddress(id))) await this.#lookUp(id, signal)
    return this.connection(id) ?? this.#libp2p.dial(id, { signal })
  }

  async #hasAddress(id: PeerId): Promise<boolean> {
    try {
      return (await this.#libp2p.peerStore.get(id)).addresses.length > 0
    } catch {
      // It was never heard of.
      return false
    }
  }

  /** Resolves when an address was found and is in the address book, or when somebody has connected it meanwhile. */
  async #lookUp(id: PeerId, signal: AbortSignal): Promise<void> {
    const found = new AbortController()
    const connected = (event: CustomEvent<PeerId>): void => {
      if (event.detail.equals(id)) found.abort()
    }
    this.#libp2p.addEventListener('peer:connect', connected)
    try {
      await this.#libp2p.peerRouting.findPeer(id, { signal: AbortSignal.any([signal, found.signal]) })
    } catch (error) {
      if (!found.signal.aborted) throw error
    } finally {
      this.#libp2p.removeEventListener('peer:connect', connected)
    }
  }
}

export function parsePeer(peer: string): PeerId {
  try {
    return peerIdFromString(peer)
  } catch (cause) {
    throw new MeshError('ERR_PEER_UNREACHABLE', `'${peer}' is no PeerId`, { cause, details: { peer } })
  }
}

export function isPeer(peer: string): boolean {
  try {
    peerIdFromString(peer)
    return true
  } catch {
    return false
  }
}

function parseAddress(target: string): ReturnType<typeof multiaddr> {
  try {
    return multiaddr(target)
  } catch (cause) {
    throw new MeshError('ERR_CONFIG', `'${target}' is no multiaddr`, { cause, details: { address: target } })
  }
}
