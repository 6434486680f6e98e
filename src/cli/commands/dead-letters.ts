import type { Receipt } from '../../agent/types.ts'
import type { Letter } from '../../node/dead-letters.ts'
import type { Register } from '../cli.ts'
import { withSession } from '../options.ts'
import { Output, shown, table } from '../output.ts'
import { openSession, type SessionFlags } from '../session.ts'

type Flags = SessionFlags & { json?: boolean; agent?: string }

/** A letter as the node's control socket gives it. */
type PrintedLetter = Omit<Letter, 'message'>

export const deadLetters: Register = (program, cli) => {
  const group = program.command('dead-letters').description('messages that a node has given up')
  withSession(group.command('list').description('those that it keeps, oldest first'))
    .option('--agent <name>', 'only those for this agent')
    .addHelpText(
      'after',
      '\nExamples:\n  $ phoenix dead-letters list\n  $ phoenix dead-letters list --agent worker --json'
    )
    .action(async (flags: Flags) => {
      const output = new Output(cli, flags)
      await using session = await openSession(cli, flags)
      const letters: PrintedLetter[] = []
      for await (const letter of session.stream('deadLetters', { agent: flags.agent })) {
        if (output.json) output.value(letter, '')
        else letters.push(letter as PrintedLetter)
      }
      if (!output.json) output.value(letters, letters.length === 0 ? 'no dead letters' : table(HEAD, letters.map(row)))
    })
  withSession(group.command('show').description('one of them, with its data').argument('<id>'))
    .addHelpText('after', '\nExample:\n  $ phoenix dead-letters show 0190b0a2-…')
    .action(async (id: string, flags: Flags) => {
      const output = new Output(cli, flags)
      await using session = await openSession(cli, flags)
      const letter = (await session.call('deadLetter', { id })) as PrintedLetter
      output.value(letter, described(letter))
    })
  withSession(group.command('replay').description('send one again').argument('<id>'))
    .addHelpText('after', '\nExample:\n  $ phoenix dead-letters replay 0190b0a2-…')
    .action(async (id: string, flags: Flags) => {
      const output = new Output(cli, flags)
      await using session = await openSession(cli, flags)
      const receipt = (await session.call('replayDeadLetter', { id })) as Receipt | null
      output.value(receipt, receipt === null ? `processed ${id}` : `${receipt.status} ${receipt.id}`)
    })
  withSession(group.command('drop').description('forget one').argument('<id>'))
    .addHelpText('after', '\nExample:\n  $ phoenix dead-letters drop 0190b0a2-…')
    .action(async (id: string, flags: Flags) => {
      const output = new Output(cli, flags)
      await using session = await openSession(cli, flags)
      await session.call('dropDeadLetter', { id })
      output.value({ id }, `dropped ${id}`)
    })
}

const HEAD = ['ID', 'AGENT', 'TYPE', 'CODE', 'ATTEMPTS', 'GIVEN UP']

function row({ id, agent, type, code, attempts, at }: PrintedLetter): string[] {
  return [id, agent, type, code, String(attempts), new Date(at).toISOString()]
}

function described(letter: PrintedLetter): string {
  const { id, agent, type, source, code, reason, attempts, at, pipeline, data } = letter
  const lines = [
    ['id', id],
    ['agent', agent],
    ['type', type],
    ['source', source],
    ['why', `${code}: ${reason}`],
    ['attempts', String(attempts)],
    ['given up', new Date(at).toISOString()],
    ...(pipeline ? [['pipeline', `${pipeline.id}, stage ${pipeline.stage}, item ${pipeline.sequence}`]] : [])
  ]
  return `${lines.map(([name, value]) => `${name!.padEnd(10)}${value}`).join('\n')}\n\n${shown(data)}`
}
