import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Hosts in network namespaces of their own, on a bridge in another one; cut off from each other by rules of nftables. */
export class Network implements AsyncDisposable {
  readonly #name: string
  readonly #hosts: number

  private constructor(name: string, hosts: number) {
    this.#name = name
    this.#hosts = hosts
  }

  /** Undefined where this process may not do that. */
  static async create(hosts: number): Promise<Network | undefined> {
    const network = new Network(`px${process.pid.toString(36)}`, hosts)
    try {
      await network.#create()
      return network
    } catch {
      await network[Symbol.asyncDispose]()
      return undefined
    }
  }

  /** Of the namespace that a host lives in. */
  namespace(host: number): string {
    return `${this.#name}-${host}`
  }

  address(host: number): string {
    return `10.213.77.${host + 1}`
  }

  /** What `from` sends does not reach `to`; the other way is as it was. */
  async cut(from: number, to: number): Promise<void> {
    await this.#in(to, 'nft', 'add', 'rule', 'inet', 'cuts', 'in', 'ip', 'saddr', this.address(from), 'drop')
  }

  async heal(): Promise<void> {
    await Promise.all(this.#all.map((host) => this.#in(host, 'nft', 'flush', 'chain', 'inet', 'cuts', 'in')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const names = [...this.#all.map((host) => this.namespace(host)), this.#hub]
    await Promise.allSettled(names.map((name) => run('ip', ['netns', 'del', name])))
  }

  get #all(): number[] {
    return Array.from({ length: this.#hosts }, (_, host) => host)
  }

  get #hub(): string {
    return `${this.#name}-hub`
  }

  async #create(): Promise<void> {
    const hub = (...command: string[]) => run('ip', ['-n', this.#hub, ...command])
    await run('ip', ['netns', 'add', this.#hub])
    await hub('link', 'add', 'bridge', 'type', 'bridge')
    await hub('link', 'set', 'bridge', 'up')
    for (const host of this.#all) {
      const name = this.namespace(host)
      const here = (...command: string[]) => run('ip', ['-n', name, ...command])
      await run('ip', ['netns', 'add', name])
      await hub('link', 'add', `to${host}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
      await hub('link', 'set', `to${host}`, 'master', 'bridge', 'up')
      await here('addr', 'add', `${this.address(host)}/24`, 'dev', 'eth0')
      await here('link', 'set', 'eth0', 'up')
      await here('link', 'set', 'lo', 'up')
      await this.#in(host, 'nft', 'add table inet cuts; add chain inet cuts in { type filter hook input priority 0; }')
    }
  }

  async #in(host: number, ...command: string[]): Promise<void> {
    await run('ip', ['netns', 'exec', this.namespace(host), ...command])
  }
}
