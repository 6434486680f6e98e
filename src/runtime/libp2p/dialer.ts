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
    return this.connection(id) ?? untilAborted(this.#fly(peer, id), `Dialling ${peer}`, signal)
  }

  /** `target` is a PeerId or a multiaddr, with or without /p2p at its end. */
  async dial(target: string, { signal }: WaitOptions = {}): Promise<string> {
    if (!target.startsWith('/')) return (await this.reach(target, { signal })).remotePeer.toString()
    const address = parseAddress(target)
    const connection = await untilAborted(this.#fly(target, address), `Dialling ${target}`, signal)
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

  #fly(key: string, target: PeerId | ReturnType<typeof multiaddr>): Promise<Connection> {
    const flying = this.#flights.get(key)
    if (flying !== undefined) return flying
    const flight = this.#libp2p
      .dial(target, { signal: AbortSignal.timeout(this.#limits.dialTimeout) })
      .catch((cause: unknown) => {
        throw unreachable(key, cause)
      })
      .finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    return flight
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
