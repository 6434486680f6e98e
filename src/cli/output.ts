import { MeshError, toRemoteShape } from '../../protocols/errors.ts'
import type { Cli } from './cli.ts'

/** What a person at a terminal can do about it, where the error itself cannot know. */
const ADVICE: Readonly<Record<string, string>> = {
  ERR_NO_HANDLER: '; --type says what is asked of it'
}

/** Where a command's answers go: people get text, `--json` one JSON value, or one a line. */
export class Output {
  readonly json: boolean
  readonly #cli: Cli

  constructor(cli: Cli, { json = false }: { json?: boolean }) {
    this.#cli = cli
    this.json = json
  }

  /** An answer, or one item of a stream. */
  value(value: unknown, text: string): void {
    this.#cli.stdout.write(this.json ? `${JSON.stringify(value ?? null)}\n` : `${text}\n`)
  }

  /** What is no answer; not for programs. */
  note(text: string): void {
    if (!this.json) this.#cli.stderr.write(`${text}\n`)
  }

  error(error: unknown): void {
    const shape = error instanceof MeshError ? error.toJSON() : toRemoteShape(error)
    const text = `${shape.code}: ${shape.message}${ADVICE[shape.code] ?? ''}`
    this.#cli.stderr.write(`${this.json ? JSON.stringify({ error: shape }) : text}\n`)
  }
}

/** Columns as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

/** A value for people: text as it is, everything else as indented JSON. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null, undefined, 2)
}
