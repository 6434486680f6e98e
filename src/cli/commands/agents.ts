import type { AgentLocation } from '../../node/atlas.ts'
import type { Register } from '../cli.ts'
import { withSession } from '../options.ts'
import { Output, table } from '../output.ts'
import { openSession, type SessionFlags } from '../session.ts'

export const agents: Register = (program, cli) => {
  withSession(program.command('agents').description('where agents live').argument('[name]', 'only agents of this name'))
    .addHelpText('after', '\nExamples:\n  $ phoenix agents\n  $ phoenix agents planner --json')
    .action(async (name: string | undefined, flags: SessionFlags & { json?: boolean }) => {
      const output = new Output(cli, flags)
      await using session = await openSession(cli, flags)
      const found = (await session.call('agents', { name })) as AgentLocation[]
      output.value(found, found.length === 0 ? 'no agent is known' : table(HEAD, found.map(row)))
    })
}

const HEAD = ['AGENT', 'INSTANCE', 'HOST', 'REGION', 'ZONE', 'PEER']

function row({ name, instance, host, region, zone, peer, local }: AgentLocation): string[] {
  return [name, instance, local ? `${host} (this)` : host, region ?? '-', zone ?? '-', peer]
}
