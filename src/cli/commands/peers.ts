import type { Peer } from '../../node/node.ts'
import type { Register } from '../cli.ts'
import { withSession } from '../options.ts'
import { Output, table } from '../output.ts'
import { openSession, type SessionFlags } from '../session.ts'

export const peers: Register = (program, cli) => {
  withSession(program.command('peers').description('the other hosts of the mesh'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ phoenix peers\n  $ phoenix peers --json --bootstrap /ip4/192.0.2.5/tcp/4001/p2p/12D3KooW…'
    )
    .action(async (flags: SessionFlags & { json?: boolean }) => {
      const output = new Output(cli, flags)
      await using session = await openSession(cli, flags)
      const found = (await session.call('peers', {})) as Peer[]
      output.value(found, found.length === 0 ? 'no other host is known' : table(HEAD, found.map(row)))
    })
}

const HEAD = ['PEER', 'NAME', 'REGION', 'ZONE', 'RTT', 'VIA', 'AGENTS']

function row({ peerId, name, region, zone, rtt, transport, agents }: Peer): string[] {
  const time = typeof rtt === 'number' ? `${rtt.toFixed(1)} ms` : '-'
  return [peerId, name, region ?? '-', zone ?? '-', time, transport ?? '-', agents.join(' ')]
}
