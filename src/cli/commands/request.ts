import type { Register } from '../cli.ts'
import { milliseconds, withSession, withTarget } from '../options.ts'
import { Output, shown } from '../output.ts'
import { payload } from '../payload.ts'
import { openSession, type SessionFlags } from '../session.ts'

interface Flags extends SessionFlags {
  json?: boolean
  stream?: boolean
  type?: string
  peer?: string
  instance?: string
  key?: string
  timeout?: number
}

export const request: Register = (program, cli) => {
  const command = program.command('request').description('ask an agent and print its reply')
  command.argument('<agent>').argument('[data]', 'JSON or text; @file reads a file, - what is piped in')
  withSession(withTarget(command))
    .option('--timeout <ms>', 'how long the reply may take (5000; a stream has no bound)', milliseconds)
    .option('--stream', 'print each reply of a stream of them')
    .addHelpText('after', EXAMPLES)
    .action(async (agent: string, argument: string | undefined, flags: Flags) => {
      const output = new Output(cli, flags)
      const data = await payload(argument, cli.stdin)
      const { type, key, timeout, peer, instance } = flags
      const params = { agent, peer, instance, data, options: { type, key, timeout } }
      await using session = await openSession(cli, flags)
      const replies = flags.stream ? session.stream('stream', params) : [await session.call('request', params)]
      for await (const reply of replies) output.value(reply, shown((reply as { data: unknown }).data))
    })
}

const EXAMPLES = `
Examples:
  $ phoenix request planner '{"from":"SEA"}' --type plan.make --timeout 500
  $ phoenix request planner @job.json --type plan.watch --stream --json
  $ echo '{"from":"SEA"}' | phoenix request planner - --type plan.make`
