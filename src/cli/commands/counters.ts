import type { Register } from '../cli.ts'
import { withSession } from '../options.ts'
import { Output, table } from '../output.ts'
import { openSession, type SessionFlags } from '../session.ts'

export const counters: Register = (program, cli) => {
  withSession(
    program.command('counters').description('how many messages a node dropped, refused, spilled, sent on or shed')
  )
    .addHelpText('after', '\nExamples:\n  $ phoenix counters --data ./data\n  $ phoenix counters --json')
    .action(async (flags: SessionFlags & { json?: boolean }) => {
      const output = new Output(cli, flags)
      await using session = await openSession(cli, flags)
      const counted = (await session.call('counters', {})) as Record<string, number>
      const rows = Object.entries(counted).map(([name, count]) => [name, String(count)])
      output.value(counted, table(['COUNTER', 'MESSAGES'], rows))
    })
}
