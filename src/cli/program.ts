import { createRequire } from 'node:module'
import { Command } from 'commander'
import type { Cli, Register } from './cli.ts'
import { agents } from './commands/agents.ts'
import { bench } from './commands/bench.ts'
import { completion } from './commands/completion.ts'
import { consensus } from './commands/consensus.ts'
import { counters } from './commands/counters.ts'
import { deadLetters } from './commands/dead-letters.ts'
import { doctor } from './commands/doctor.ts'
import { explain } from './commands/explain.ts'
import { keys } from './commands/keys.ts'
import { peers } from './commands/peers.ts'
import { publish } from './commands/publish.ts'
import { request } from './commands/request.ts'
import { send } from './commands/send.ts'
import { start } from './commands/start.ts'
import { subscribe } from './commands/subscribe.ts'

const COMMANDS: readonly Register[] = [
  start,
  peers,
  agents,
  request,
  send,
  publish,
  subscribe,
  explain,
  deadLetters,
  consensus,
  bench,
  counters,
  doctor,
  keys,
  completion
]

/** The command line. What is wrong with it is thrown, never a reason to end the process here. */
export function createProgram(cli: Cli): Command {
  const { version } = createRequire(import.meta.url)('phoenix-mesh/package.json') as { version: string }
  const program = new Command('phoenix')
    .description('a node of a peer-to-peer mesh for agents, and what speaks to one')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void cli.stdout.write(text),
      // Errors are thrown and printed once, by main.
      outputError: () => {},
      writeErr: (text) => void cli.stderr.write(text)
    })
    .addHelpText('after', '\nExit codes: 0 success, 1 failure, 2 bad usage.')
  for (const register of COMMANDS) register(program, cli)
  return program
}
