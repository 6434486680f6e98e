import { Option } from 'commander'
import type { Message } from '../../../protocols/envelope/message.ts'
import type { Cli, Register } from '../cli.ts'
import { count, withSession } from '../options.ts'
import { Output } from '../output.ts'
import { openSession, type Session, type SessionFlags } from '../session.ts'

interface Flags extends SessionFlags {
  json?: boolean
  count?: number
  overflow?: string
}

type Item = { kind: 'ready' } | { kind: 'message'; message: Message }

export const subscribe: Register = (program, cli) => {
  withSession(program.command('subscribe').description('print what is published, until Ctrl-C'))
    .argument('<pattern>', '* is one token, a trailing > one or more')
    .option('--count <messages>', 'end after so many', count)
    .addOption(
      new Option('--overflow <policy>', 'when this terminal is slow').choices(['drop-oldest', 'drop-newest', 'reject'])
    )
    .addHelpText(
      'after',
      `\nExamples:\n  $ phoenix subscribe 'orders.*.created'\n  $ phoenix subscribe 'orders.>' --count 10 --json`
    )
    .action(async (pattern: string, flags: Flags) => {
      await using session = await openSession(cli, flags)
      await follow(cli, session, pattern, flags)
    })
}

async function follow(cli: Cli, session: Session, pattern: string, flags: Flags): Promise<void> {
  const output = new Output(cli, flags)
  const options = flags.overflow === undefined ? {} : { overflow: flags.overflow }
  let left = flags.count ?? Number.POSITIVE_INFINITY
  if (left === 0) return
  try {
    for await (const item of session.stream('subscribe', { pattern, options }) as AsyncIterable<Item>) {
      if (item.kind === 'ready') {
        output.note(`subscribed to ${pattern}`)
        continue
      }
      const { message } = item
      output.value(message, `${message.time} ${message.subject ?? message.type} ${oneLine(message.data)}`)
      if (--left === 0) return
    }
  } catch (error) {
    // Ctrl-C is how a subscription ends.
    if (!cli.signal.aborted) throw error
  }
}

function oneLine(data: unknown): string {
  return typeof data === 'string' ? data : JSON.stringify(data ?? null)
}
