import { createServer } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { MeshError } from '../../../protocols/errors.ts'
import type { NodeConfig } from '../../node/config.ts'
import { connectControl } from '../../runtime/control/client.ts'
import { bootstrapFile } from '../../runtime/membership/bootstrap.ts'
import { type Check, type Finding, failure, ok, reasonOf } from './types.ts'

/** ms for one bootstrap peer. A guess: a slow handshake over a slow line. */
const DIAL_TIMEOUT = 5_000

/** Ports are free, or held by the node of this data folder. */
export const ports: Check = async ({ listen, dataDir }) => {
  const running = await runningAddresses(dataDir)
  return Promise.all(listen.map((address) => port(address, running)))
}

async function port(address: string, running: string[]): Promise<Finding> {
  const { host, port } = tcpOf(address)
  const check = `port ${port}`
  if (port !== 0 && running.some((other) => other.includes(`/tcp/${port}/`)))
    return ok(check, 'held by the node that runs here')
  const code = await bind(host, port)
  if (code === undefined) return ok(check, port === 0 ? 'the system chooses one' : `${address} is free`)
  if (code === 'EADDRINUSE')
    return failure(
      check,
      `${address} is taken`,
      `end the program that has it (ss -ltnp 'sport = :${port}'), or --listen elsewhere`
    )
  if (code === 'EACCES') return failure(check, `${address} is not allowed to this user`, 'choose a port above 1023')
  return failure(
    check,
    `${address} cannot be had (${code})`,
    'listen on an address of this machine, for example /ip4/0.0.0.0/tcp/4001'
  )
}

/** Resolves with the code of the error, if there was one. */
function bind(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port }, () => server.close(() => resolve(undefined)))
  })
}

function tcpOf(address: string): { host: string; port: number } {
  const [host, tcp] = multiaddr(address).getComponents()
  return { host: host?.value ?? '', port: Number(tcp?.value ?? 0) }
}

async function runningAddresses(dataDir: string | undefined): Promise<string[]> {
  if (dataDir === undefined) return []
  try {
    await using client = await connectControl(dataDir)
    if (client === undefined) return []
    const info = (await client.call('info', {}, AbortSignal.timeout(2_000))) as { multiaddrs: string[] }
    return info.multiaddrs
  } catch {
    return []
  }
}

/** Each bootstrap peer is dialled by a node that listens nowhere: address, handshake and PeerId are checked in one go. */
export const bootstrap: Check = async (config, signal) => {
  let addresses: string[]
  try {
    addresses = await addressesOf(config)
  } catch (error) {
    return [failure('bootstrap', reasonOf(error), 'correct the file of --bootstrap: one multiaddr a line')]
  }
  if (addresses.length === 0) return [ok('bootstrap', 'none: this node is the first of its mesh')]
  const { createNode } = await import('../../node/create.ts')
  await using node = await createNode({ name: 'phoenix-doctor', listen: [] })
  const dial = async (address: string): Promise<Finding> => {
    const bound = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT)])
    try {
      const { remotePeer } = await node.libp2p.dial(multiaddr(address), { signal: bound })
      return ok('bootstrap', `${address} answers as ${remotePeer}`)
    } catch (error) {
      const remedy = 'is the node there running, its port open, and its PeerId the one after /p2p/?'
      return failure('bootstrap', `${address} does not answer (${reasonOf(error)})`, remedy)
    }
  }
  // Awaited here: the node is gone when this function returns.
  return await Promise.all(addresses.map(dial))
}

async function addressesOf({ bootstrap, bootstrapFile: file }: NodeConfig): Promise<string[]> {
  const inFile = file === undefined ? [] : await bootstrapFile(file)()
  for (const address of inFile) checkAddress(address, file!)
  return [...bootstrap, ...inFile]
}

function checkAddress(address: string, file: string): void {
  try {
    multiaddr(address)
  } catch (cause) {
    throw new MeshError('ERR_BOOTSTRAP', `${file} has a line that is no multiaddr: ${address}`, { cause })
  }
}
