import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeOptions } from '../../src/index.ts'
import { type HostProcess, hostProcess } from '../../test/kit/host-process.ts'
import type { DiskFaults } from '../../test/kit/withholding-disk.ts'
import type { Guarantee } from './deeds.ts'

type Deeds = typeof import('./deeds.ts')
type Host = HostProcess<Deeds>
type Role = 'sender' | 'receiver'

const DEEDS = new URL('./deeds.ts', import.meta.url)
/** Messages of one call, and calls at once: 256 under way. Every other call waits for the end of its messages. */
const CHUNK = 4
const CALLS = 64
/** ms within which everything must have ended once the killing has: a guess, far above every time-out. */
const PATIENCE = 120_000

export interface TortureOptions {
  guarantee: Guarantee
  /** Acknowledged to their sender before the killing ends. */
  messages: number
  /** Of either process, at random moments. */
  kills: number
  /** Left out: the operating system's disk. Else one that a killed process has written nothing to but what it had synced. */
  faults?: DiskFaults | undefined
  told?: (text: string) => void
}

/** What many kills came to. */
export interface Report {
  /** Messages whose sender was told that they are safe. */
  acknowledged: number
  /** Messages whose sender never heard, or heard an error. */
  unknown: number
  /** Of the acknowledged. */
  lost: number[]
  /** Of all. */
  twice: number[]
  kills: Record<Role, number>
}

/** Two processes with a data folder each, killed again and again while one sends durable messages to the other. */
export class Torture implements AsyncDisposable {
  readonly #options: TortureOptions
  readonly #folder: string
  readonly #hosts = new Map<Role, Host>()
  readonly #addresses = new Map<Role, string>()
  readonly #acknowledged = new Set<number>()
  readonly #kills: Record<Role, number> = { sender: 0, receiver: 0 }
  #next = 0

  private constructor(options: TortureOptions, folder: string) {
    this.#options = options
    this.#folder = folder
  }

  static async begin(options: TortureOptions): Promise<Torture> {
    const torture = new Torture(options, await mkdtemp(join(tmpdir(), 'phoenix-torture-')))
    await torture.#start('receiver')
    await torture.#start('sender')
    return torture
  }

  async run(): Promise<Report> {
    const { messages } = this.#options
    const sending = Promise.all(Array.from({ length: CALLS }, (_, i) => this.#send(i % 2 === 0)))
    await Promise.all([sending, this.#kill()])
    let effects = await this.#effects()
    const lost = (): number[] => [...this.#acknowledged].filter((number) => !effects.has(number))
    for (const end = performance.now() + PATIENCE; lost().length > 0 && performance.now() < end; ) {
      await sleep(250)
      effects = await this.#effects()
    }
    this.#told(`${this.#acknowledged.size} of ${messages} acknowledged`)
    return {
      acknowledged: this.#acknowledged.size,
      unknown: this.#next - this.#acknowledged.size,
      lost: lost(),
      twice: [...effects].filter(([, count]) => count > 1).map(([number]) => number),
      kills: this.#kills
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.kill()))
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** One chunk after another, each of new numbers, until enough were acknowledged. */
  async #send(toTheEnd: boolean): Promise<void> {
    const { messages, guarantee } = this.#options
    while (this.#acknowledged.size < messages) {
      const numbers = Array.from({ length: CHUNK }, () => this.#next++)
      const host = this.#hosts.get('sender')!
      try {
        for (const number of await host.call('send', guarantee, numbers, toTheEnd)) this.#acknowledged.add(number)
      } catch (error) {
        // Killed before it could say: nobody knows what became of these.
        if (!host.exited) throw error
        while (this.#hosts.get('sender') === host) await sleep(10)
      }
    }
  }

  /** Spread over the messages, so that whatever the machine's speed there is work under way at each. */
  async #kill(): Promise<void> {
    const { messages, kills } = this.#options
    for (let i = 0; i < kills; i++) {
      const due = ((i + Math.random()) / kills) * messages
      while (this.#acknowledged.size < Math.min(due, messages)) await sleep(1)
      await sleep(Math.random() * 20)
      const role = i % 3 === 0 ? 'sender' : 'receiver'
      this.#told(`${this.#acknowledged.size} acknowledged: kill -9 of the ${role}`)
      this.#kills[role]++
      await this.#hosts.get(role)!.kill()
      await this.#start(role)
    }
  }

  async #start(role: Role): Promise<void> {
    const { guarantee } = this.#options
    const others = [...this.#addresses].filter(([other]) => other !== role).map(([, address]) => address)
    const address = this.#addresses.get(role)
    const options = {
      name: role,
      dataDir: join(this.#folder, role),
      listen: [address?.replace(/\/p2p\/.*/, '') ?? '/ip4/127.0.0.1/tcp/0'],
      bootstrap: others
    }
    const host = await this.#up(options)
    this.#addresses.set(role, host.addresses[0]!)
    if (role === 'receiver') await host.call('receive', guarantee, this.#journal)
    this.#hosts.set(role, host)
  }

  /** A host whose disk fails while it starts says so and ends; then it is started again. */
  async #up(options: NodeOptions): Promise<Host> {
    for (let failures = 0; ; failures++) {
      try {
        return await hostProcess<Deeds>(DEEDS, options, this.#options.faults)
      } catch (error) {
        if (this.#options.faults?.syncFailure === undefined || failures === 10) throw error
      }
    }
  }

  async #effects(): Promise<Map<number, number>> {
    if (this.#options.guarantee === 'exactly-once') return this.#hosts.get('receiver')!.call('effects')
    const counts = new Map<number, number>()
    const lines = (await readFile(this.#journal, 'utf8').catch(() => '')).split('\n')
    for (const line of lines.slice(0, -1)) counts.set(Number(line), (counts.get(Number(line)) ?? 0) + 1)
    return counts
  }

  get #journal(): string {
    return join(this.#folder, 'journal')
  }

  #told(text: string): void {
    this.#options.told?.(text)
  }
}
