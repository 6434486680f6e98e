import { type Command, Option } from 'commander'
import type { ConsensusStatus } from '../../node/consensus/types.ts'
import type { Cli, Register } from '../cli.ts'
import { withSession } from '../options.ts'
import { Output, table } from '../output.ts'
import { openSession, type SessionFlags } from '../session.ts'

type Flags = SessionFlags & { json?: boolean; to?: string }

/** A group as the node's control socket gives it. */
type PrintedStatus = ConsensusStatus & { group: string }

/** What a session answers as values and as text. */
type Printed = [value: unknown, text: string]

export const consensus: Register = (program, cli) => {
  const group = program.command('consensus').description('groups of hosts that agree, as a node sees them')
  const withGroup = (name: string, what: string): Command =>
    withSession(group.command(name).description(what).argument('[group]'))

  action(cli, withGroup('status', 'who leads, and how far the log is'), async (call) => {
    const found = (await call('consensus')) as PrintedStatus[]
    return [found, found.length === 0 ? 'no group is open' : table(STATUS, found.map(statusRow))]
  })
  action(cli, withGroup('members', 'voters and learners, and how far each is'), async (call) => {
    const rows = ((await call('consensus')) as PrintedStatus[]).flatMap(membersOf)
    const cells = rows.map((row) => [
      row.group,
      row.peer,
      row.part,
      row.leads ? 'leads' : text(row.state),
      text(row.match)
    ])
    return [rows, rows.length === 0 ? 'no group is open' : table(MEMBERS, cells)]
  })
  const transfer = withGroup('transfer', 'let another voter lead')
  transfer.addOption(new Option('--to <peerId>', 'who; else the one that has most of the log'))
  action(cli, transfer, async (call) => {
    const done = (await call('transferLeadership')) as { group: string }
    return [done, `handed over ${done.group}`]
  })
  action(cli, withGroup('snapshot', 'write down what the group holds, and compact its log'), async (call) => {
    const taken = (await call('snapshot')) as { group: string; index: number; term: number }
    return [taken, `${taken.group}: all up to ${taken.index} of term ${taken.term}`]
  })
}

function action(cli: Cli, command: Command, ask: (call: (name: string) => Promise<unknown>) => Promise<Printed>): void {
  command
    .addHelpText(
      'after',
      `\nExamples:\n  $ phoenix consensus ${command.name()}\n  $ phoenix consensus ${command.name()} config --json`
    )
    .action(async (name: string | undefined, flags: Flags) => {
      const output = new Output(cli, flags)
      await using session = await openSession(cli, flags)
      const { to } = flags
      output.value(...(await ask((operation) => session.call(operation, { group: name, to }))))
    })
}

const STATUS = ['GROUP', 'ROLE', 'TERM', 'LEADER', 'COMMIT', 'APPLIED', 'VOTERS']
const MEMBERS = ['GROUP', 'PEER', 'PART', 'STATE', 'LOG']

function statusRow({ group, role, term, leader, commit, applied, voters, ended }: PrintedStatus): string[] {
  const part = ended == null ? role : `${role}, since ${ended.code}`
  return [group, part, text(term), leader ?? '-', text(commit), text(applied), text(voters.length)]
}

interface Member {
  group: string
  peer: string
  part: 'voter' | 'learner'
  leads: boolean
  /** As its leader sees it: known where this node leads. */
  state: string | undefined
  match: number | undefined
}

function membersOf({ group, leader, voters, learners, progress }: PrintedStatus): Member[] {
  return [...voters, ...learners].map((peer) => {
    const known = progress.find((one) => one.peer === peer)
    const part = voters.includes(peer) ? 'voter' : 'learner'
    return { group, peer, part, leads: peer === leader, state: known?.state, match: known?.match }
  })
}

function text(value: string | number | undefined): string {
  return value === undefined ? '-' : String(value)
}
