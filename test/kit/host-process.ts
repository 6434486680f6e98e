import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Node, NodeOptions } from '../../src/index.ts'
import type { FromHost, Script, ToHost } from './script.ts'
import type { DiskFaults } from './withholding-disk.ts'

type Arguments<Deed> = Deed extends (node: Node, ...args: infer Args) => unknown ? Args : never

/**
 * A node in a process of its own, which can be asked, frozen, thawed and killed.
 *
 * @example
 * await using host = await hostProcess<typeof import('./scripts.ts')>(scriptUrl, { bootstrap })
 * await host.call('worker', 'steady')
 * host.kill()
 */
export class HostProcess<S extends Script> implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>()
  #next = 0
  #up = Promise.withResolvers<{ peerId: string; addresses: string[] }>()
  peerId = ''
  addresses: string[] = []

  constructor(script: URL, options: NodeOptions, faults?: DiskFaults, namespace?: string) {
    const given = [script.href, JSON.stringify(options), ...(faults === undefined ? [] : [JSON.stringify(faults)])]
    this.#child = fork(new URL('./host.ts', import.meta.url), given, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // `ip` becomes the process itself: it is the same that is killed.
      ...(namespace !== undefined && {
        execPath: 'ip',
        execArgv: ['netns', 'exec', namespace, process.execPath, ...process.execArgv]
      })
    })
    this.#child.on('message', (message: FromHost) => this.#heard(message))
    this.#child.on('exit', (code, signal) => this.#gone(new Error(`the host ended with ${code ?? signal}`)))
  }

  get exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  async up(): Promise<this> {
    ;({ peerId: this.peerId, addresses: this.addresses } = await this.#up.promise)
    return this
  }

  /** Calls an export of the script there; resolves with what it returns. */
  call<Name extends keyof S & string>(name: Name, ...args: Arguments<S[Name]>): Promise<Awaited<ReturnType<S[Name]>>> {
    const call = this.#next++
    const answer = Promise.withResolvers<unknown>()
    this.#calls.set(call, answer)
    this.#child.send({ call, name, args } satisfies ToHost)
    return answer.promise as Promise<Awaited<ReturnType<S[Name]>>>
  }

  /** As a power cut would end it. Resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.exited) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  /** The process stops running but its sockets stay open: the half-open connection. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async exit(): Promise<void> {
    if (!this.exited) await once(this.#child, 'exit')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }

  #heard(message: FromHost): void {
    if (message.kind === 'up') this.#up.resolve(message)
    else {
      const answer = this.#calls.get(message.call)
      this.#calls.delete(message.call)
      if (message.kind === 'returned') answer?.resolve(message.value)
      else answer?.reject(Object.assign(new Error(message.error.message), { code: message.error.code }))
    }
  }

  #gone(error: Error): void {
    this.#up.reject(error)
    for (const answer of this.#calls.values()) answer.reject(error)
    this.#calls.clear()
  }
}

/**
 * Starts a host; resolves when it listens and, where it has a bootstrap peer, knows the mesh. With `faults`, even `{}`,
 * whatever it has not synced is lost when it is killed. With `namespace` it lives in that network namespace.
 */
export function hostProcess<S extends Script>(
  script: URL,
  options: NodeOptions = {},
  faults?: DiskFaults,
  namespace?: string
): Promise<HostProcess<S>> {
  return new HostProcess<S>(script, options, faults, namespace).up()
}
