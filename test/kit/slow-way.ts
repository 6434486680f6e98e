import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A way to a TCP port of this machine on which each byte takes `ms` more, in both directions. */
export async function slowWay(port: number, ms: number): Promise<{ port: number } & Disposable> {
  const sockets = new Set<Socket>()
  const carry = (from: Socket, to: Socket): void => {
    from.on('data', (bytes: Buffer) => void delay(ms).then(() => to.write(bytes)))
    from.on('close', () => void delay(ms).then(() => to.destroy()))
    from.on('error', () => {})
    sockets.add(from)
  }
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    carry(near, far)
    carry(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}
