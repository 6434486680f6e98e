/** One agent host: a process of its own, started by main.ts with its name and where it keeps its data. */
import { createNode, type Node } from '../../src/index.ts'
import { aggregator } from './agents/aggregator.ts'
import { archive } from './agents/archive.ts'
import { atlas } from './agents/atlas.ts'
import { desk } from './agents/desk.ts'
import { enricher } from './agents/enricher.ts'
import { parser } from './agents/parser.ts'
import { hosts } from './hosts.ts'
import type { FromHost, ToHost } from './supervisor.ts'

const agents = { parser, enricher, aggregator, atlas, archive, desk }

const [name = '', dataDir = '', ...bootstrap] = process.argv.slice(2)
const { region, zone, agents: mine } = hosts.find((host) => host.name === name)!

const tell = (message: FromHost) => process.send?.(message)

const node: Node = await createNode({ name, dataDir, region, zone, bootstrap, listen: ['/ip4/127.0.0.1/tcp/0'] })
for (const agent of mine) await agents[agent](node, name, tell)
if (bootstrap.length > 0) await node.ready({ peers: 1, timeout: 10_000 })
tell({ kind: 'up', pid: process.pid, peerId: String(node.peerId), addresses: node.multiaddrs.map(String) })

async function stop(): Promise<void> {
  await node.stop({ drain: true, timeout: 3_000 })
  process.exit()
}

process.on('message', ({ kind }: ToHost) => {
  if (kind === 'stop') void stop()
})
process.on('disconnect', () => void stop())
// Ctrl-C reaches every process of the terminal; the first one says when to stop
process.on('SIGINT', () => {})
