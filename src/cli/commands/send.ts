import { Option } from 'commander'
import type { Receipt } from '../../agent/types.ts'
import type { Register } from '../cli.ts'
import { milliseconds, withSession, withTarget } from '../options.ts'
import { Output } from '../output.ts'
import { payload } from '../payload.ts'
import { openSession, type SessionFlags } from '../session.ts'

interface Flags extends SessionFlags {
  json?: boolean
  all?: boolean
  type?: string
  peer?: string
  instance?: string
  key?: string
  delivery?: string
  durable?: boolean
  id?: string
  priority?: string
  ttl?: number
  timeout?: number
}

export const send: Register = (program, cli) => {
  const command = program.command('send').description('send a message to an agent and print its receipt')
  command.argument('<agent>').argument('[data]', 'JSON or text; @file reads a file, - what is piped in')
  withSession(withTarget(command))
    .addOption(
      new Option('--delivery <mode>', 'the guarantee').choices(['at-most-once', 'at-least-once', 'exactly-once'])
    )
    .option('--durable', 'keep it on disk until it is settled; resolves when it is there')
    .option('--id <id>', 'a name of your own: sent again it is the same message')
    .addOption(new Option('--priority <priority>').choices(['low', 'normal', 'high', 'critical']))
    .option('--all', 'to each member of the group, with a receipt for each')
    .option('--ttl <ms>', 'after which the message is worthless', milliseconds)
    .option('--timeout <ms>', 'how long to wait for the receipt', milliseconds)
    .addHelpText(
      'after',
      `\nExamples:\n  $ phoenix send worker '{"job":7}'\n  $ phoenix send worker ping --all --delivery at-most-once --json`
    )
    .action(async (agent: string, argument: string | undefined, flags: Flags) => {
      const output = new Output(cli, flags)
      const data = await payload(argument, cli.stdin)
      const { type, id, key, peer, instance, delivery, durable, priority, ttl, timeout } = flags
      const options = { type, id, key, delivery, durable, priority, ttl, timeout, ...(flags.all && { to: 'all' }) }
      await using session = await openSession(cli, flags)
      const receipts = (await session.call('send', { agent, peer, instance, data, options })) as Receipt | Receipt[]
      output.value(receipts, [receipts].flat().map(line).join('\n'))
    })
}

function line(receipt: Receipt): string {
  return receipt.status === 'stored' ? `stored ${receipt.id}` : sentLine(receipt)
}

function sentLine({ id, status, peer, attempts, transport, route }: Receipt): string {
  const way = transport === route ? route : `${transport}, ${route}`
  return `${status} ${id} to ${peer}, ${attempts === 1 ? 'first attempt' : `${attempts} attempts`}, ${way}`
}
