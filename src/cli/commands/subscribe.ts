import { InvalidArgumentError, Option } from 'commander'
import type { Message } from '../../../protocols/envelope/message.ts'
import type { Cli, Register } from '../cli.ts'
import { count, withSession } from '../options.ts'
import { Output } from '../output.ts'
import { openSession, type Session, type SessionFlags } from '../session.ts'

interface Flags extends SessionFlags {
  json?: boolean
  count?: number
  overflow?: string
  delivery?: string
  durable?: boolean
  name?: string
  from?: From
}

type From = 'now' | 'start' | { sequence: number } | { time: number }

type Item = { kind: 'ready' } | { kind: 'message'; message: Message }

export const subscribe: Register = (program, cli) => {
  withSession(program.command('subscribe').description('print what is published, until Ctrl-C'))
    .argument('<pattern>', '* is one token, a trailing > one or more')
    .option('--count <messages>', 'end after so many', count)
    .addOption(
      new Option('--overflow <policy>', 'when this terminal is slow').choices(['drop-oldest', 'drop-newest', 'reject'])
    )
    .addOption(
      new Option('--delivery <guarantee>', 'at-least-once: whoever publishes waits for this terminal').choices([
        'at-most-once',
        'at-least-once'
      ])
    )
    .option('--durable', 'resume behind what the last one of this --name was handed')
    .option('--name <name>', 'what the durable subscription is called')
    .option(
      '--from <place>',
      'now, start, a number in the publishers’ logs, or a time such as 2026-01-31T12:00:00Z',
      place
    )
    .addHelpText(
      'after',
      `\nExamples:\n  $ phoenix subscribe 'orders.*.created'\n  $ phoenix subscribe 'orders.>' --count 10 --json\n  $ phoenix subscribe 'orders.>' --durable --name audit --from start`
    )
    .action(async (pattern: string, flags: Flags) => {
      await using session = await openSession(cli, flags)
      await follow(cli, session, pattern, flags)
    })
}

async function follow(cli: Cli, session: Session, pattern: string, flags: Flags): Promise<void> {
  const output = new Output(cli, flags)
  const { overflow, delivery, durable, name, from } = flags
  const options = { overflow, delivery, durable, name, from }
  let left = flags.count ?? Number.POSITIVE_INFINITY
  if (left === 0) return
  try {
    for await (const item of session.stream('subscribe', {
      pattern,
      options,
      count: flags.count
    }) as AsyncIterable<Item>) {
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

/** What JSON can say of where to begin. */
function place(text: string): From {
  if (text === 'now' || text === 'start') return text
  if (/^[1-9]\d{0,14}$/.test(text)) return { sequence: Number(text) }
  // `Date.parse` takes 0, -1 and 1.5 for days of some year.
  const time = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time)) throw new InvalidArgumentError('It must be now, start, a whole number from 1, or a time.')
  return { time }
}

function oneLine(data: unknown): string {
  return typeof data === 'string' ? data : JSON.stringify(data ?? null)
}
