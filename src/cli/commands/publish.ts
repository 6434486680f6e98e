import type { Evidence } from '../../runtime/pubsub/types.ts'
import type { Register } from '../cli.ts'
import { count, milliseconds, withSession } from '../options.ts'
import { Output } from '../output.ts'
import { payload } from '../payload.ts'
import { openSession, type SessionFlags } from '../session.ts'

interface Flags extends SessionFlags {
  json?: boolean
  type?: string
  waitFor?: number
  timeout?: number
  durable?: boolean
}

export const publish: Register = (program, cli) => {
  const command = program.command('publish').description('publish to whoever subscribes to the topic')
  command.argument('<topic>').argument('[data]', 'JSON or text; @file reads a file, - what is piped in')
  withSession(command)
    .option('--type <type>', 'the type of the message')
    .option('--wait-for <subscriptions>', 'resolve once so many were reached', count)
    .option('--timeout <ms>', 'how long to wait for them', milliseconds)
    .option('--durable', 'resolve once it is on the node’s disk, for durable subscriptions')
    .addHelpText(
      'after',
      `\nExamples:\n  $ phoenix publish orders.eu.created '{"total":120}'\n  $ phoenix publish config.changed @config.json --wait-for 2 --json`
    )
    .action(async (topic: string, argument: string | undefined, flags: Flags) => {
      const output = new Output(cli, flags)
      const data = await payload(argument, cli.stdin)
      const { type, waitFor, timeout, durable } = flags
      await using session = await openSession(cli, flags)
      const evidence = (await session.call('publish', { topic, data, type, waitFor, timeout, durable })) as Evidence
      output.value(evidence, line(evidence))
    })
}

function line({ id, topic, path, subscribers, acknowledged }: Evidence): string {
  const reached = `${subscribers} subscription${subscribers === 1 ? '' : 's'} ${acknowledged ? 'reached' : 'known'}`
  return `published ${id} to ${topic}, ${path}, ${reached}`
}
