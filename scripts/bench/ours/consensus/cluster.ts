/** Voters in processes of their own, each with a data folder, and a client in this one. */
import { setTimeout as delay } from 'node:timers/promises'
import { createNode, type KeyValueGroup, type Node } from '../../../../src/index.ts'
import { folder } from '../../harness/folder.ts'
import { peakMiBOf } from '../../harness/other-process.ts'
import { Forked } from '../../harness/process.ts'
import type { Job } from '../../harness/types.ts'
import type { VoterCalls, VoterState } from './voter.ts'

const ENTRY = new URL('./voter.ts', import.meta.url)
/** ms between looks. */
const LOOK = 20

/** One voter: a folder, and a process for as long as it lives. */
export class Voter {
  readonly name: string
  readonly #folder = folder()
  #process = new Forked<VoterCalls>(ENTRY)
  peer = ''
  address = ''

  constructor(name: string) {
    this.name = name
  }

  get calls(): VoterCalls {
    return this.#process.calls
  }

  get pid(): number {
    return this.#process.pid
  }

  async start(bootstrap: string[]): Promise<void> {
    const started = await this.calls.start({ name: this.name, dataDir: this.#folder.path, bootstrap })
    if (this.peer !== '' && this.peer !== started.peer) throw new Error(`${this.name} has forgotten who it is`)
    this.peer = started.peer
    this.address = started.address
  }

  kill(): Promise<void> {
    return this.#process.kill()
  }

  /** Another process for the same folder, in which nothing has begun yet. */
  async revive(): Promise<void> {
    this.#process = new Forked<VoterCalls>(ENTRY)
    await this.calls.load()
  }

  async end(): Promise<void> {
    await this.kill()
    this.#folder.remove()
  }
}

export class Cluster {
  readonly client: Node
  readonly groups: readonly KeyValueGroup[]
  readonly voters: readonly Voter[]
  readonly names: readonly string[]

  private constructor(voters: readonly Voter[], client: Node, names: readonly string[], groups: KeyValueGroup[]) {
    this.voters = voters
    this.client = client
    this.names = names
    this.groups = groups
  }

  /** Every group has a leader. `learns`: the client has replicas of its own. */
  static async start({ voters: count = 3, size }: Job, learns = false): Promise<Cluster> {
    const voters = Array.from({ length: count }, (_, i) => new Voter(`voter-${i}`))
    const [first, ...others] = voters as [Voter, ...Voter[]]
    await first.start([])
    await Promise.all(others.map((voter) => voter.start([first.address])))
    const client = await createNode({
      name: 'client',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: voters.map(({ address }) => address)
    })
    await client.ready({ peers: count, timeout: 30_000 })
    const peers = voters.map(({ peer }) => peer)
    const names = Array.from({ length: size }, (_, i) => `group-${i}`)
    await Promise.all(voters.map(({ calls }) => calls.open(names, peers)))
    const learners = [client.peerId]
    const groups = await Promise.all(names.map((name) => client.consensus(name, { voters: peers })))
    for (const group of groups) {
      await group.propose('first', 0, { timeout: 30_000 })
      if (learns) await group.changeVoters(peers, { learners, timeout: 30_000 })
    }
    return new Cluster(voters, client, names, groups)
  }

  get pids(): number[] {
    return this.voters.map(({ pid }) => pid)
  }

  get addresses(): string[] {
    return this.voters.map(({ address }) => address)
  }

  /** Of the processes that are not this one. */
  get peakMiB(): number {
    return this.pids.reduce((sum, pid) => sum + peakMiBOf(pid), 0)
  }

  /** The voter that leads the first group, and that every other one follows, having applied all that it has. */
  async settled(): Promise<Voter> {
    for (;;) {
      const states: VoterState[] = []
      for (const { calls } of this.voters) states.push(await calls.state(this.names[0]!))
      const leader = this.voters.find((_, i) => states[i]!.role === 'leader')
      const applied = Math.max(...states.map((state) => state.applied))
      if (leader !== undefined && states.every((state) => state.leader === leader.peer && state.applied === applied))
        return leader
      await delay(LOOK)
    }
  }

  async stop(): Promise<void> {
    await this.client.stop({ drain: false })
    await Promise.all(this.voters.map((voter) => voter.end()))
  }
}
