/** The side of main.ts on which hosts are processes: started, killed, stopped. */
import { type ChildProcess, fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import type { HostPlan } from './hosts.ts'
import type { Outcome } from './outcome.ts'

export type FromHost =
  | { kind: 'up'; pid: number; peerId: string; addresses: string[] }
  | { kind: 'progress'; done: number; total: number }
  | { kind: 'outcome'; outcome: Outcome }
  | { kind: 'failed'; error: string }

export type ToHost = { kind: 'work' } | { kind: 'stop' }

/** What a host that takes longer than its own deadline to stop is given on top. ms */
const GRACE = 5_000

export interface Up {
  pid: number
  peerId: string
  addresses: string[]
}

export class SupervisedHost extends EventEmitter<{ message: [FromHost]; exit: [number | null] }> {
  readonly plan: HostPlan
  readonly dataDir: string
  /** Each life of the process. */
  readonly lives: Up[] = []
  #process: ChildProcess | undefined

  constructor(plan: HostPlan, parentDir: string) {
    super()
    this.plan = plan
    this.dataDir = join(parentDir, plan.name)
  }

  /** Resolves when the host is part of the mesh and its agents can be found. */
  async start(bootstrap: string[]): Promise<Up> {
    const child = fork(new URL('./host.ts', import.meta.url), [this.plan.name, this.dataDir, ...bootstrap])
    this.#process = child
    child.on('message', (message: FromHost) => this.emit('message', message))
    child.on('exit', (code) => this.emit('exit', code))
    const up = await new Promise<Up>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${this.plan.name} ended with ${code} before it was up`)))
      child.once('message', (message: FromHost) => {
        if (message.kind === 'up') resolve({ pid: message.pid, peerId: message.peerId, addresses: message.addresses })
      })
    })
    this.lives.push(up)
    return up
  }

  tell(message: ToHost): void {
    this.#process?.send(message)
  }

  /** As a power cut would end it. */
  async kill(): Promise<void> {
    const exit = once(this, 'exit')
    this.#process?.kill('SIGKILL')
    await exit
  }

  async stop(): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    const impatience = setTimeout(() => child.kill('SIGKILL'), GRACE)
    child.send({ kind: 'stop' } satisfies ToHost)
    await exit
    clearTimeout(impatience)
  }
}
