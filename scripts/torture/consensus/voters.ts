import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HostProcess, hostProcess } from '../../../test/kit/host-process.ts'
import { Network } from './network.ts'

export type Host = HostProcess<typeof import('./deeds.ts')>

const DEEDS = new URL('./deeds.ts', import.meta.url)
const PORT = 4_101

/**
 * Processes: the first ones are the voters, on disks that lose in a kill what was not synced; the others are clients.
 * Each in a network namespace of its own where that is allowed, else all on loopback.
 */
export class Voters implements AsyncDisposable {
  readonly hosts: Host[] = []
  readonly count: number
  /** Undefined where none can be made. */
  readonly network: Network | undefined
  readonly #folder: string
  readonly #all: number

  private constructor(count: number, all: number, network: Network | undefined, folder: string) {
    this.count = count
    this.#all = all
    this.network = network
    this.#folder = folder
  }

  static async start(count: number, clients: number): Promise<Voters> {
    const all = count + clients
    const folder = await mkdtemp(join(tmpdir(), 'phoenix-voters-'))
    const voters = new Voters(count, all, await Network.create(all), folder)
    try {
      for (let i = 0; i < all; i++) voters.hosts[i] = await voters.#start(i)
      await Promise.all(voters.hosts.map((host) => host.call('open', voters.#peers)))
      return voters
    } catch (error) {
      await voters[Symbol.asyncDispose]()
      throw error
    }
  }

  get indexes(): number[] {
    return Array.from({ length: this.count }, (_, i) => i)
  }

  get clients(): Host[] {
    return this.hosts.slice(this.count)
  }

  get #peers(): string[] {
    return this.hosts.slice(0, this.count).map(({ peerId }) => peerId)
  }

  /** A file or a folder beside those of the hosts. */
  path(name: string): string {
    return join(this.#folder, name)
  }

  /** Who leads, as the clients believe; undefined where they know of nobody. */
  async leader(): Promise<number | undefined> {
    for (const client of this.clients) {
      const at = this.#peers.indexOf((await client.call('status')).leader ?? '')
      if (at >= 0) return at
    }
    return undefined
  }

  async kill(...which: number[]): Promise<void> {
    await Promise.all(which.map((i) => this.hosts[i]!.kill()))
  }

  /** Their next lives, on the same folders. */
  async restart(...which: number[]): Promise<void> {
    await Promise.all(
      which.map(async (i) => {
        const host = await this.#start(i)
        await host.call('open', this.#peers)
        this.hosts[i] = host
      })
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.kill()))
    await this.network?.[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #start(i: number): Promise<Host> {
    const { network } = this
    const known = this.hosts[i]?.addresses[0]?.replace(/\/p2p\/.*/, '')
    const listen = network === undefined ? (known ?? '/ip4/127.0.0.1/tcp/0') : `/ip4/${network.address(i)}/tcp/${PORT}`
    const options = {
      name: `host-${i}`,
      listen: [listen],
      bootstrap: this.hosts.flatMap((host, other) => (other === i || host.exited ? [] : host.addresses.slice(0, 1))),
      ...(i < this.count && { dataDir: this.path(String(i)) })
    }
    return hostProcess(DEEDS, options, i < this.count ? {} : undefined, network?.namespace(i))
  }
}
