import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from './until.ts'

/** A command of a `console` block, and the lines that it is said to print. */
export interface Typed {
  command: string
  lines: string[]
}

/** `$ command`, then what it prints. */
export function typed(block: string): Typed[] {
  const all: Typed[] = []
  for (const line of block.trimEnd().split('\n')) {
    if (line.startsWith('$ ')) all.push({ command: line.slice(2), lines: [] })
    else all.at(-1)!.lines.push(line)
  }
  return all
}

/** A shell that commands are typed into, one after the other, as a person would: the next when the last has answered. */
export class Terminal implements AsyncDisposable {
  readonly #shell: ChildProcess
  #screen = ''
  #marks = 0

  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    // A group of its own, so that what runs in it can be ended with it.
    this.#shell = spawn('bash', [], { cwd, env, detached: true })
    for (const stream of [this.#shell.stdout!, this.#shell.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#screen += text))
    }
  }

  get screen(): string {
    return this.#screen
  }

  /** Types a command and waits until it has printed what it is said to; `…` stands for anything. */
  async type({ command, lines }: Typed): Promise<void> {
    const from = this.#screen.length
    const mark = `--- ${++this.#marks}`
    this.#shell.stdin!.write(`${command}\necho '${mark}' $?\n`)
    for (const line of lines) await this.prints(line, from)
    const ended = new RegExp(`^${mark} 0$`, 'm')
    if (!runsOn(command)) await until(`the success of ${command}`, () => ended.test(this.#screen), 60_000)
  }

  /** Types what stays in the foreground until the terminal is closed. */
  start({ command }: Typed): void {
    this.#shell.stdin!.write(`${command}\n`)
  }

  async prints(line: string, from = 0): Promise<void> {
    const pattern = new RegExp(`^${line.split('…').map(literal).join('.*')}$`, 'm')
    const shown = () => pattern.test(this.#screen.slice(from))
    await until(`the line ${line}`, shown, 60_000).catch((error: Error) => {
      throw new Error(`${error.message}; there was:\n${this.#screen.slice(from)}`)
    })
  }

  /** Ctrl-C, and the window closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#shell, 'exit')
    this.#shell.stdin!.end()
    process.kill(-this.#shell.pid!, 'SIGINT')
    await exit
  }
}

function runsOn(command: string): boolean {
  return command.endsWith('&')
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(/ +/g, ' +')
}
