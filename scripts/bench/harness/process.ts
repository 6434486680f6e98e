import { type ChildProcess, fork } from 'node:child_process'
import type { Answer, Call } from './calls.ts'

/** No single call of a measurement takes this long on a machine that is alive. ms */
const DEADLINE = 120_000
/** ms to end by itself. */
const GRACE = 1_000

/** A forked process that answers one call at a time. */
export class Forked<Calls> {
  readonly #child: ChildProcess
  readonly #deadline: number

  /** `deadline`: ms of one call at most. */
  constructor(entry: URL, deadline = DEADLINE) {
    this.#deadline = deadline
    this.#child = fork(entry, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc']
    })
    this.#child.setMaxListeners(0)
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** As a power failure would end it, but for what the kernel has. */
  async kill(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await exited
  }

  /** A view on which every call of the other end is a method. */
  get calls(): Calls {
    return new Proxy(
      {},
      {
        get:
          (_, name) =>
          (...args: unknown[]) =>
            this.#call(String(name), args)
      }
    ) as Calls
  }

  #call(name: string, args: unknown[]): Promise<unknown> {
    const child = this.#child
    const deadline = this.#deadline
    return new Promise((resolve, reject) => {
      const settle = (fn: () => void) => {
        clearTimeout(timer)
        child.off('message', onAnswer)
        child.off('exit', onExit)
        fn()
      }
      const onAnswer = (answer: Answer) =>
        settle(() => ('error' in answer ? reject(new Error(`${name}: ${answer.error}`)) : resolve(answer.value)))
      const onExit = (code: number | null) => settle(() => reject(new Error(`${name}: the process ended with ${code}`)))
      const timer = setTimeout(() => settle(() => reject(new Error(`${name}: no answer in ${deadline} ms`))), deadline)
      child.once('message', onAnswer)
      child.once('exit', onExit)
      child.send({ name, args } as Call)
    })
  }

  /** It ends as `answer` does once its parent is gone, with whatever it started; within a second whatever it does. */
  end(): void {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const timer = setTimeout(() => child.kill('SIGKILL'), GRACE)
    child.once('exit', () => clearTimeout(timer))
    if (child.connected) child.disconnect()
  }
}
