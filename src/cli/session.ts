import { parseText } from '../../protocols/envelope/json.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Node } from '../node/node.ts'
import { connectControl } from '../runtime/control/client.ts'
import { bootstrapFile } from '../runtime/membership/bootstrap.ts'
import type { Cli } from './cli.ts'
import { operationsOf } from './operations.ts'

/** A node that does what a command asks: one that runs already, or one that joins for as long as the command takes. */
export interface Session extends AsyncDisposable {
  call(name: string, params: unknown): Promise<unknown>
  stream(name: string, params: unknown): AsyncIterable<unknown>
}

export interface SessionFlags {
  data?: string
  bootstrap?: string[]
  joinTimeout?: number
}

/** Where the command's node keeps its data, unless it is told. */
export const DEFAULT_DATA = './data'
/** ms to join through the bootstrap peers. A guess: some twenty handshakes. */
const JOIN_TIMEOUT = 10_000

/**
 * `--bootstrap` joins; else the node that runs on the data folder answers; else PHOENIX_BOOTSTRAP joins.
 * Throws `ERR_STOPPED` where there is none of them, `ERR_BOOTSTRAP` where nobody answers there.
 */
export async function openSession(cli: Cli, flags: SessionFlags): Promise<Session> {
  if (flags.bootstrap !== undefined) return join(cli, flags.bootstrap, flags.joinTimeout)
  const data = dataOf(cli, flags)
  const client = await connectControl(data)
  if (client !== undefined) {
    return {
      call: (name, params) => client.call(name, params, cli.signal),
      stream: (name, params) => client.stream(name, params, cli.signal),
      [Symbol.asyncDispose]: () => client.close()
    }
  }
  const { PHOENIX_BOOTSTRAP: bootstrap } = cli.env
  if (bootstrap !== undefined && flags.data === undefined) return join(cli, bootstrap.split(','), flags.joinTimeout)
  const advice = 'start one with: phoenix start --data …, or join a mesh with --bootstrap'
  throw new MeshError('ERR_STOPPED', `no node is running on the data folder ${data}; ${advice}`, { details: { data } })
}

/** A variable that is empty says nothing. */
export function dataOf(cli: Cli, flags: { data?: string }): string {
  return flags.data ?? (cli.env.PHOENIX_DATA || DEFAULT_DATA)
}

async function join(cli: Cli, bootstrap: string[], timeout = JOIN_TIMEOUT): Promise<Session> {
  // Loaded here, because a command that speaks to a running node needs no libp2p, and starts in a fifth of the time.
  const { createNode } = await import('../node/create.ts')
  const node = await createNode({
    name: 'phoenix-command',
    listen: [],
    bootstrap: addressesOrFile(bootstrap),
    start: false
  })
  // A node waits for its file to be written; a command that was given a wrong name should not.
  if (node.config.bootstrapFile !== undefined) await bootstrapFile(node.config.bootstrapFile)()
  try {
    await node.start()
    await node.ready({ peers: 1, timeout, signal: cli.signal })
  } catch (cause) {
    await node.stop({ drain: false })
    if (cli.signal.aborted) throw cause
    const message = `nobody answered within ${timeout} ms at ${bootstrap.join(', ')}; phoenix doctor --bootstrap … says why`
    throw new MeshError('ERR_BOOTSTRAP', message, { cause, details: { bootstrap } })
  }
  return localSession(node, cli.signal)
}

function localSession(node: Node, signal: AbortSignal): Session {
  const operations = operationsOf(node)
  return {
    // Through JSON, as over the control socket: both ways print the same.
    call: async (name, params) => parseText(JSON.stringify((await operations[name]!(params, signal)) ?? null)),
    stream: (name, params) => operations[name]!(params, signal) as AsyncIterable<unknown>,
    [Symbol.asyncDispose]: () => node.stop()
  }
}

/** One value that is no address is the path of a file of them. */
export function addressesOrFile(values: string[]): string | string[] {
  return values.length === 1 ? values[0]! : values
}
