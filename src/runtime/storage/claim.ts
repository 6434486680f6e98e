import { createServer } from 'node:net'
import { join, relative, resolve } from 'node:path'
import { claim } from '../control/claim.ts'
import { checkSocketPath } from '../control/path.ts'

/**
 * Makes a data folder this process's alone until it is released: two processes that append to one log would destroy it.
 * The claim is a socket, because the operating system lets go of it however the process ends: what a killed one left is
 * taken over. Rejects with `ERR_CONFIG` (`dataDir`) where a live process has it.
 *
 * @example
 * await using claimed = await claimFolder('./data')
 */
export async function claimFolder(dataDir: string): Promise<AsyncDisposable> {
  const absolute = join(resolve(dataDir), 'claim.sock')
  const fromHere = relative('', absolute)
  // The path of a socket has about 100 bytes: the shorter way of saying it.
  const path = checkSocketPath(fromHere.length < absolute.length ? fromHere : absolute, dataDir)
  const server = createServer((socket) => socket.destroy())
  await claim(server, path)
  server.unref()
  return { [Symbol.asyncDispose]: () => new Promise((released) => server.close(() => released())) }
}
