import type { Command } from 'commander'
import { MeshError } from '../../../protocols/errors.ts'
import type { Node } from '../../node/node.ts'
import { registerAgents } from '../agents-module.ts'
import type { Cli, Register } from '../cli.ts'
import { narrate } from '../narration.ts'
import { collect, withJson } from '../options.ts'
import { Output, table } from '../output.ts'
import { openDoor } from '../serve.ts'
import type { NodeFlags } from '../settings/flags.ts'
import type { Settings } from '../settings/layers.ts'

interface Flags extends NodeFlags {
  config?: string
  printConfig?: boolean
  json?: boolean
}

export const start: Register = (program, cli) => {
  withNodeFlags(program.command('start').description('run a node until Ctrl-C'))
    .option('--print-config', 'show each value and where it came from, and end')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const output = new Output(cli, flags)
      const { readSettings } = await import('../settings/settings.ts')
      const { unknown, ...settings } = await readSettings(flags, cli.env)
      for (const variable of unknown) output.note(`${variable} names no setting and is left alone`)
      if (flags.printConfig) printConfig(output, settings)
      else await run(cli, output, settings)
    })
}

/** The flags that say what node to run; `doctor` examines the same. */
export function withNodeFlags(command: Command): Command {
  return withJson(command)
    .option('--listen <multiaddr>', 'where to listen, for example /ip4/0.0.0.0/tcp/4001; repeatable', collect)
    .option('--bootstrap <address>', 'a peer to join through, or a file of them; repeatable', collect)
    .option('--data <folder>', 'where identity and control socket are kept (./data)')
    .option('--name <name>', 'a label for people')
    .option('--region <region>', 'where the node stands')
    .option('--zone <zone>', 'and where within it')
    .option('--agents <module>', 'a TypeScript or JavaScript module that exports agents by name')
    .option('--voter <peerId>', 'a voter of the control plane, the same list on every node; repeatable', collect)
    .option('--config <file>', 'settings in YAML or JSON (./phoenix.yaml where there is one)')
    .option('--debug', 'log what the node decides')
}

async function run(cli: Cli, output: Output, { options, config, agents }: Settings): Promise<void> {
  if (config.dataDir === undefined) throw new MeshError('ERR_NO_DATA_DIR', 'phoenix start needs a data folder: --data')
  await using door = await openDoor(config.dataDir)
  const { createNode } = await import('../../node/create.ts')
  await using node = await createNode({ ...options, start: true })
  const names = agents === undefined ? [] : await registerAgents(node, agents)
  door.answer(node)
  announce(output, node, names)
  void narrate(node, output)
  await new Promise<void>((resolve) => {
    if (cli.signal.aborted) resolve()
    cli.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  output.note('stopping')
}

function announce(output: Output, node: Node, agents: string[]): void {
  const { name, config } = node
  const peerId = node.peerId.toString()
  const multiaddrs = node.multiaddrs.map(String)
  const lines = [`node ${name}, PeerId ${peerId}`, ...multiaddrs.map((address) => `listening on ${address}`)]
  if (multiaddrs.length === 0) lines.push('not listening: this node only dials')
  if (agents.length > 0) lines.push(`agents: ${agents.join(', ')}`)
  lines.push(`talk to it: phoenix peers --data ${config.dataDir}`)
  output.value({ peerId, name, multiaddrs, agents, dataDir: config.dataDir, pid: process.pid }, lines.join('\n'))
}

function printConfig(output: Output, { origins }: Settings): void {
  const rows = Array.from(origins, ([key, { value, source }]) => [key, JSON.stringify(value) ?? '-', source])
  output.value(Object.fromEntries(origins), table(['KEY', 'VALUE', 'FROM'], rows))
}

const EXAMPLES = `
Examples:
  $ phoenix start --listen /ip4/0.0.0.0/tcp/4001 --name first
  $ phoenix start --bootstrap /ip4/192.0.2.5/tcp/4001/p2p/12D3KooW… --agents ./agents.ts
  $ PHOENIX_LIMITS_MESSAGE_BYTES=1048576 phoenix start --print-config

The module of --agents:
  export const planner = { handle: { 'plan.make': async (message, ctx) => ({ plan: message.data }) } }
  export const log = { receive: (message) => console.log(message.data) }
  export default async (node) => { await node.agent('watcher') }

Settings: flags beat PHOENIX_* variables, which beat the file, which beats the defaults. Keys of the file are those of
createNode's options, besides agents; a variable is the key in capitals: PHOENIX_LIMITS_MESSAGE_BYTES, PHOENIX_DATA.`
