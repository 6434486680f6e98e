import { once } from 'node:events'
import { noise } from '@chainsafe/libp2p-noise'
import type { Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import type { Pipe, Wire } from './pipe.ts'

const PROTOCOL = '/bench/1.0.0'
/** Past what a case keeps open at once, so that the limit is never what is measured. */
const STREAMS = 4096

function host(listen: string[]): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxInboundStreams: STREAMS, maxOutboundStreams: STREAMS, maxEarlyStreams: STREAMS })]
  })
}

function pipe(stream: Stream): Pipe {
  const made: Pipe = {
    write: (bytes) => stream.send(bytes),
    // not `stream.onDrain()`: its promise, once resolved, is never renewed, and back-pressure is gone from then on
    drained: async () => {
      if (stream.writableNeedsDrain) await once(stream, 'drain')
    },
    onBytes: () => {},
    close: () => void stream.close().catch(() => {})
  }
  stream.addEventListener('message', ({ data }) => made.onBytes(data instanceof Uint8Array ? data : data.subarray()))
  return made
}

/** TCP, Noise and Yamux: a libp2p stream as an application would open it. */
export const libp2pWire: Wire = {
  async listen(accept) {
    const node = await host(['/ip4/127.0.0.1/tcp/0'])
    await node.handle(PROTOCOL, (stream) => accept(pipe(stream)), { maxInboundStreams: STREAMS })
    return { address: String(node.getMultiaddrs()[0]), close: async () => node.stop() }
  },

  async dial(address) {
    const node = await host([])
    const connection = await node.dial(multiaddr(address))
    return {
      open: async () => pipe(await connection.newStream(PROTOCOL, { maxOutboundStreams: STREAMS })),
      close: async () => node.stop()
    }
  }
}
