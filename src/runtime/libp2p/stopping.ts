import type { Libp2p } from '@libp2p/interface'

/** Timers of `libp2p` 3 and `@libp2p/gossipsub` 17 that their own stop forgets. */
interface Forgotten {
  /** Tells an address book, a second after the last listener closed, of addresses that nobody reads any more. */
  components?: { addressManager?: { _updatePeerStoreAddresses?: { stop?: () => void } } }
  /** The next heartbeat, up to a second away. Gossipsub clears a field that it never sets. */
  services?: { gossip?: { status?: { heartbeatTimeout?: NodeJS.Timeout } } }
}

/** Stops libp2p and what it leaves running, which would keep a finished program alive for a second. */
export async function stopWholly(libp2p: Libp2p): Promise<void> {
  const { components, services } = libp2p as unknown as Forgotten
  clearTimeout(services?.gossip?.status?.heartbeatTimeout)
  await libp2p.stop()
  components?.addressManager?._updatePeerStoreAddresses?.stop?.()
}
