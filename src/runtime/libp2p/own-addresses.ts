import type { Connection, Libp2pEvents, TypedEventTarget } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

interface Components {
  readonly addressManager: { confirmObservedAddr(address: Multiaddr, options: { type: 'transport' }): void }
  readonly events: TypedEventTarget<Libp2pEvents>
}

const CIRCUIT = '/p2p-circuit'

/**
 * Which addresses libp2p tells of itself, to anybody: all that it listens on, itself or at a relay, and no other.
 *
 * Left alone it keeps a public address to itself until it was dialled back from outside, for which nobody runs a service;
 * and names a relay that has dialled us by the port that it dialled from as well, where nobody listens.
 */
export class OwnAddresses {
  /** By peer, where its connections to us come from, as long as it has one. */
  readonly #sources = new Map<string, Set<string>>()

  /** What libp2p calls with its components, before it starts. */
  readonly service = ({ addressManager, events }: Components): object => {
    events.addEventListener('transport:listening', ({ detail: listener }) => {
      for (const address of listener.getAddrs()) addressManager.confirmObservedAddr(address, { type: 'transport' })
    })
    events.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
    events.addEventListener('peer:disconnect', ({ detail }) => this.#sources.delete(detail.toString()))
    return {}
  }

  readonly filter = (addresses: Multiaddr[]): Multiaddr[] => {
    const sources = new Set([...this.#sources.values()].flatMap((of) => [...of]))
    return addresses.filter((address) => {
      const [relay, relayed] = address.toString().split(CIRCUIT)
      return relayed === undefined || !sources.has(relay!)
    })
  }

  #opened({ direction, remoteAddr, remotePeer }: Connection): void {
    const source = remoteAddr.toString()
    if (direction === 'outbound' || source.includes(CIRCUIT)) return
    const peer = remotePeer.toString()
    const known = this.#sources.get(peer)
    if (known === undefined) this.#sources.set(peer, new Set([source]))
    else known.add(source)
  }
}
