import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls'
import type { Pipe, Wire } from './pipe.ts'

/**
 * A pre-shared key instead of a certificate, which Node cannot make: only the handshake differs, and it is over before
 * the clock starts. Records are sealed with AES-256-GCM, as TLS 1.3 does by default.
 */
const KEY = Buffer.alloc(32, 7)
const OPTIONS = { ciphers: 'PSK-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' } as const satisfies SecureContextOptions

function pipe(socket: TLSSocket): Pipe {
  socket.setNoDelay(true)
  const made: Pipe = {
    write: (bytes) => socket.write(bytes),
    drained: async () => {
      if (socket.writableNeedDrain) await once(socket, 'drain')
    },
    onBytes: () => {},
    close: () => socket.end()
  }
  socket.on('data', (chunk: Uint8Array) => made.onBytes(chunk))
  socket.on('error', () => socket.destroy())
  return made
}

/** Bare `node:tls`: no multiplexing, no peer identities. */
export const tlsWire: Wire = {
  async listen(accept) {
    const sockets = new Set<TLSSocket>()
    const server = createServer({ ...OPTIONS, pskCallback: () => KEY }, (socket) => {
      sockets.add(socket)
      accept(pipe(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return {
      address: String((server.address() as AddressInfo).port),
      close: async () => {
        for (const socket of sockets) socket.destroy()
        server.close()
      }
    }
  },

  async dial(address) {
    const socket = connect({
      ...OPTIONS,
      host: '127.0.0.1',
      port: Number(address),
      pskCallback: () => ({ psk: KEY, identity: 'bench' }),
      checkServerIdentity: () => undefined
    })
    await once(socket, 'secureConnect')
    return {
      open: async () => pipe(socket),
      close: async () => {
        socket.destroy()
      }
    }
  }
}
