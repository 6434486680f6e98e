import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { run } from '../../src/cli/run.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** The real command in a process of its own. */
export class Phoenix {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  #stdout = ''
  #stderr = ''
  #wake = () => {}

  constructor(args: string[], { cwd, env = {} }: { cwd: string; env?: NodeJS.ProcessEnv }) {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PHOENIX_'))
    this.process = spawn(process.execPath, [MAIN, ...args], { cwd, env: { ...Object.fromEntries(own), ...env } })
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      this.#wake()
    })
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      this.#wake()
    })
    this.ended = once(this.process, 'close').then(([code]) => {
      this.#wake()
      return { code: code as number | null, stdout: this.#stdout, stderr: this.#stderr }
    })
  }

  /** Resolves once the pattern was printed, on either stream. */
  async printed(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = `${this.#stdout}${this.#stderr}`.match(pattern)
      if (match !== null) return match
      if (this.process.exitCode !== null)
        throw new Error(`ended without printing ${pattern}: ${this.#stdout}${this.#stderr}`)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  write(text: string): void {
    this.process.stdin!.end(text)
  }

  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Ended> {
    this.process.kill(signal)
    return this.ended
  }
}

/** The same command line in this process: for what needs no signals, no pipes and no node. */
export async function within(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const printed = Promise.all([text(stdout), text(stderr)])
  const cli = { env, stdin: Readable.from([]), stdout, stderr, signal: new AbortController().signal }
  const code = await run(args, cli)
  stdout.end()
  stderr.end()
  const [out, err] = await printed
  return { code, stdout: out, stderr: err }
}
