import type { Readable, Writable } from 'node:stream'
import type { Command } from 'commander'

/** What a command has of the world. */
export interface Cli {
  readonly env: NodeJS.ProcessEnv
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Aborts on Ctrl-C and on SIGTERM. */
  readonly signal: AbortSignal
}

/** Adds a command; it reports failure by throwing, and main turns that into text and an exit code. */
export type Register = (program: Command, cli: Cli) => void
