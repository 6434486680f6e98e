import { noise } from '@chainsafe/libp2p-noise'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { Node } from '../../src/index.ts'

const MANY = 100_000

/** A libp2p host that speaks none of our protocols and opens all of them. */
export class Stranger implements AsyncDisposable {
  readonly libp2p: Libp2p
  readonly connection: Connection

  constructor(libp2p: Libp2p, connection: Connection) {
    this.libp2p = libp2p
    this.connection = connection
  }

  get peer(): string {
    return this.libp2p.peerId.toString()
  }

  open(protocol: string): Promise<Stream> {
    return this.connection.newStream(protocol, { maxOutboundStreams: MANY })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.libp2p.stop()
  }
}

export async function strangerTo(node: Node): Promise<Stranger> {
  const libp2p = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxOutboundStreams: MANY })],
    connectionMonitor: { enabled: false }
  })
  return new Stranger(libp2p, await libp2p.dial(node.multiaddrs[0]!))
}
