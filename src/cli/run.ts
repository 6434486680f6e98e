import { CommanderError } from 'commander'
import { MeshError } from '../../protocols/errors.ts'
import type { Cli } from './cli.ts'
import { Output } from './output.ts'
import { createProgram } from './program.ts'

/** Runs one command line and resolves with its exit code: 0 success, 1 failure, 2 bad usage. */
export async function run(args: string[], cli: Cli): Promise<0 | 1 | 2> {
  const output = new Output(cli, { json: args.includes('--json') })
  try {
    await createProgram(cli).parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, output)
    output.error(error)
    return isUsage(error) ? 2 : 1
  }
}

/** Help and version are thrown too. */
function usage(error: CommanderError, output: Output): 0 | 2 {
  if (error.exitCode === 0) return 0
  // `phoenix` alone has printed its help already.
  if (error.code !== 'commander.help') output.error(new MeshError('ERR_USAGE', error.message.replace(/^error: /, '')))
  return 2
}

/** A setting or a topic that is wrong is bad usage, wherever it was written. */
function isUsage(error: unknown): boolean {
  if (!(error instanceof MeshError)) return false
  if (error.code === 'ERR_USAGE' || error.code === 'ERR_INVALID_TOPIC') return true
  return error.code === 'ERR_CONFIG' && error.details?.source !== undefined
}
