import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import type { Libp2p } from '@libp2p/interface'
import { MeshError } from '../../../protocols/errors.ts'
import type { Broadcast } from '../ports.ts'
import { textOf } from './failure.ts'
import type { HostLimits } from './limits.ts'

/** The layer above puts 16 bytes that no other message has at the front of each payload. */
const ID_BYTES = 16

/**
 * Unsigned, with an id that costs nothing: the layer above signs its batches, and one signature for each message was
 * measured at 600 to 1,200 deliveries/s against 1,600 to 4,300 without, 20 nodes in one process.
 */
export function gossip(limits: HostLimits) {
  return gossipsub({
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: (message) => message.data.subarray(0, ID_BYTES),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    emitSelf: false,
    batchPublish: true,
    runOnLimitedConnection: true,
    maxInboundDataLength: limits.broadcastBytes,
    // The default punishes more than ten peers on one address (loopback, one NAT) until meshes end empty, silently;
    // and broken promises of IWANT come from a busy event loop as easily as from a liar.
    scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 }
  })
}

export class GossipBroadcast implements Broadcast {
  onMessage: (channel: string, bytes: Uint8Array) => void = () => {}
  readonly #libp2p: Libp2p
  readonly #gossip: GossipSub
  readonly #limits: HostLimits
  readonly #joined = new Set<string>()

  constructor(libp2p: Libp2p, gossip: GossipSub, limits: HostLimits) {
    this.#libp2p = libp2p
    this.#gossip = gossip
    this.#limits = limits
    gossip.addEventListener('message', ({ detail }) => {
      if (this.#joined.has(detail.topic)) this.onMessage(detail.topic, detail.data)
    })
    // Gossipsub takes subscriptions only while it runs: what was joined before is subscribed at the start.
    libp2p.addEventListener('start', () => {
      for (const channel of this.#joined) gossip.subscribe(channel)
    })
  }

  join(channel: string): void {
    this.#joined.add(channel)
    if (this.#libp2p.status === 'started') this.#gossip.subscribe(channel)
  }

  leave(channel: string): void {
    this.#joined.delete(channel)
    if (this.#libp2p.status === 'started') this.#gossip.unsubscribe(channel)
  }

  async publish(channel: string, bytes: Uint8Array): Promise<void> {
    if (this.#libp2p.status !== 'started') throw new MeshError('ERR_STOPPED', 'The host is not running')
    if (bytes.length > this.#limits.broadcastBytes || bytes.length < ID_BYTES) {
      throw new MeshError(
        'ERR_MESSAGE_TOO_LARGE',
        `A broadcast has ${ID_BYTES} to ${this.#limits.broadcastBytes} bytes, not ${bytes.length}`
      )
    }
    try {
      await this.#gossip.publish(channel, bytes)
    } catch (cause) {
      throw new MeshError('ERR_BACKPRESSURE', `Publishing to ${channel} failed: ${textOf(cause)}`, { cause })
    }
  }

  subscribers(channel: string): string[] {
    return this.#gossip.getSubscribers(channel).map(String)
  }
}
