import type { Choice, Explanation } from '../../node/explain.ts'
import type { Register } from '../cli.ts'
import { withSession, withTarget } from '../options.ts'
import { Output, table } from '../output.ts'
import { payload } from '../payload.ts'
import { openSession, type SessionFlags } from '../session.ts'

interface Flags extends SessionFlags {
  json?: boolean
  type?: string
  peer?: string
  instance?: string
  key?: string
}

export const explain: Register = (program, cli) => {
  const command = program.command('explain').description('how a message would travel now, and why; nothing is sent')
  command.argument('<agent>').argument('[data]', 'JSON or text; @file reads a file, - what is piped in')
  withSession(withTarget(command))
    .addHelpText(
      'after',
      '\nExamples:\n  $ phoenix explain planner\n  $ phoenix explain planner @large.json --type plan.make --json'
    )
    .action(async (agent: string, argument: string | undefined, flags: Flags) => {
      const output = new Output(cli, flags)
      const data = await payload(argument, cli.stdin)
      const { type, peer, instance, key } = flags
      await using session = await openSession(cli, flags)
      const explanation = (await session.call('explain', { agent, peer, instance, data, type, key })) as Explanation
      output.value(explanation, text(explanation))
    })
}

const CHOICES = [
  ...(['pattern', 'guarantee', 'ordering', 'coordination'] as const),
  ...(['format', 'compression', 'lane', 'transport', 'route'] as const)
]

function text(explanation: Explanation): string {
  const rows = CHOICES.map((name) => {
    const { chosen, reason }: Choice<string> = explanation[name]
    return [name, chosen, reason]
  })
  const { member, runnersUp } = explanation
  rows.push([
    'member',
    member === undefined ? 'nobody' : member.peer,
    member === undefined ? '' : `instance ${member.instance}`
  ])
  for (const { peer, reason } of runnersUp) rows.push(['runner-up', peer, reason])
  return table(['', 'CHOSEN', 'REASON'], rows)
}
