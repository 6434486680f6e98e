import { loadIdentity } from '../../../src/runtime/libp2p/identity.ts'
import type { HostLimits } from '../../../src/runtime/libp2p/limits.ts'
import { createLibp2pNetwork, type Libp2pNetwork } from '../../../src/runtime/libp2p/network.ts'
import type { Channel } from '../../../src/runtime/ports.ts'

export const LOOPBACK = ['/ip4/127.0.0.1/tcp/0']

/** Real nodes on loopback, all stopped by `stop()`. */
export class Loopback {
  readonly nodes: Libp2pNetwork[] = []

  async start(listen: readonly string[] = LOOPBACK, limits: Partial<HostLimits> = {}): Promise<Libp2pNetwork> {
    const network = await createLibp2pNetwork({ identity: await loadIdentity(), listen, limits })
    this.nodes.push(network)
    await network.host.start()
    return network
  }

  async startMany(count: number): Promise<Libp2pNetwork[]> {
    const first = await this.start()
    const others: Libp2pNetwork[] = []
    // Staggered: handshakes and self-queries of nodes that start at once in one process starve each other.
    while (others.length < count - 1) {
      const next = await this.start()
      await next.host.dial(first.host.addresses()[0]!)
      others.push(next)
    }
    return [first, ...others]
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.splice(0).map(({ host }) => host.stop()))
  }
}

/** Polls until it holds, because what gossip and tables do has no event to wait for; gives up after 10 s. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let polls = 0; polls < 500; polls++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`never came true: ${holds}`)
}

/** What a channel told its owner. */
export interface Record {
  channel: Channel
  bytes: number
  pieces: Uint8Array[]
  closes: Array<Error | undefined>
  drains: number
}

export function record(channel: Channel): Record {
  const seen: Record = { channel, bytes: 0, pieces: [], closes: [], drains: 0 }
  channel.onBytes = (chunk) => {
    seen.bytes += chunk.length
    seen.pieces.push(chunk)
  }
  channel.onDrain = () => {
    seen.drains++
  }
  channel.onClose = (error) => {
    seen.closes.push(error)
  }
  return seen
}

/** A channel from one node to the other, both ends recorded. */
export async function connect(from: Libp2pNetwork, to: Libp2pNetwork, protocol: string): Promise<[Record, Record]> {
  const { promise, resolve } = Promise.withResolvers<Record>()
  to.host.handle(protocol, (channel) => resolve(record(channel)))
  await from.host.dial(to.host.addresses()[0]!)
  const near = record(await from.host.open(to.host.peer, protocol))
  return [near, await promise]
}
