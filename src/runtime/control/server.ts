import { createServer, type Socket } from 'node:net'
import { claim } from './claim.ts'
import { Conversation } from './conversation.ts'
import { controlPath } from './path.ts'
import type { Operations } from './types.ts'

export interface ControlServer extends AsyncDisposable {
  readonly path: string
  /** Cancels what is under way and takes the socket away. */
  close(): Promise<void>
}

/**
 * Answers commands on `<dataDir>/control.sock`, for this user only. Rejects with `ERR_CONFIG` where another node runs
 * on the folder, or its path is too long for a socket. Operations may come later: calls wait for them.
 *
 * @example
 * await using control = await serveControl('./data', { peers: () => node.peers() })
 */
export async function serveControl(
  dataDir: string,
  operations: Operations | Promise<Operations>
): Promise<ControlServer> {
  const path = controlPath(dataDir)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    new Conversation(socket, operations).start()
  })
  await claim(server, path)
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { path, close, [Symbol.asyncDispose]: close }
}
