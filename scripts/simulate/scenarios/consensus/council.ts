import type { KeyValueGroup, MachineGroup } from '../../../../src/index.ts'
import type { Mesh } from '../../../../src/testing/index.ts'
import type { Play } from '../../play.ts'
import { Storm } from '../../storm.ts'
import { Ledger, Truth } from './ledger.ts'

/** One life of a host. */
export interface Seat {
  readonly host: number
  readonly registers: KeyValueGroup
  readonly ledger: MachineGroup
  lives(): boolean
  /** Resolves once it is known that this life is over. */
  readonly gone: Promise<typeof GONE>
}

export type Name = 'registers' | 'ledger'

export const GONE = Symbol('the host has crashed')

/** Hosts that have two groups, some of them voters, and clients of these from outside. */
export class Council {
  readonly play: Play
  readonly mesh: Mesh
  readonly truth: Truth
  /** Hosts that are voters from the beginning, or may become such. */
  readonly members: readonly number[]
  readonly hosts: readonly number[]
  /** Once it has ended nothing new is begun. */
  readonly #session = new AbortController()
  readonly #storm: Storm
  /** When the faults end. */
  #calm = 0
  readonly #peers: string[]
  readonly #voters: readonly string[]
  readonly #seats: (Seat | undefined)[] = []
  readonly #leaving: (() => void)[] = []

  private constructor(play: Play, mesh: Mesh, voters: number) {
    this.play = play
    this.mesh = mesh
    this.truth = new Truth(play)
    this.hosts = [...mesh.nodes.keys()]
    this.members = this.hosts.slice(0, -CLIENTS)
    this.#peers = mesh.nodes.map(({ peerId }) => String(peerId))
    this.#voters = this.#peers.slice(0, voters)
    this.#storm = new Storm(play, mesh, {
      ...{ nodes: this.hosts.length, victims: this.hosts, together: [] },
      prepare: (i) => this.#leaving[i]?.(),
      revive: (i) => this.#open(i)
    })
  }

  static async open(play: Play): Promise<Council> {
    const { chance } = play
    const voters = chance.pick([3, 3, 4, 5])
    const nodes = voters + chance.below(2) + CLIENTS
    const slowest = chance.pick([2, 10, 60])
    const mesh = await play.mesh({ ...play.network(0.05), nodes, disks: { syncLatency: [0.2, slowest] } })
    const council = new Council(play, mesh, voters)
    await mesh.run(Promise.all(council.hosts.map((i) => council.#open(i))))
    return council
  }

  get over(): boolean {
    return this.#session.signal.aborted
  }

  get ending(): AbortSignal {
    return this.#session.signal
  }

  end(): void {
    this.#session.abort()
  }

  async #open(i: number): Promise<void> {
    const lives = this.#storm.lifeOf(i)
    const node = this.mesh.nodes[i]!
    const gone = new Promise<typeof GONE>((resolve) => {
      this.#leaving[i] = () => resolve(GONE)
    })
    const voters = this.#voters
    const registers = await node.consensus('registers', { voters })
    const ledger = await node.consensus('ledger', { voters, machine: new Ledger(this.play, this.truth) })
    this.#seats[i] = { host: i, registers, ledger, lives, gone }
  }

  /** Waits for it to live; undefined once all is over. */
  async seat(i: number): Promise<Seat | undefined> {
    while (!this.over) {
      const seat = this.present(i)
      if (seat !== undefined) return seat
      await this.mesh.sleep(100)
    }
    return undefined
  }

  present(i: number): Seat | undefined {
    const seat = this.#seats[i]
    return seat?.lives() ? seat : undefined
  }

  /** What each host believes of a group. */
  statuses(group: Name): object[] {
    const names = (peers: readonly string[]): string => peers.map((peer) => this.#peers.indexOf(peer)).join()
    return this.hosts.map((i) => {
      const status = this.present(i)?.[group].status()
      if (status === undefined) return { host: i }
      const { role, term, leader, applied, voters, learners } = status
      const members = { voters: names(voters), learners: names(learners), leader: leader && names([leader]) }
      return { host: i, role, term, applied, ...members }
    })
  }

  leaderOf(group: Name): number | undefined {
    return this.members.find((i) => this.present(i)?.[group].status().role === 'leader')
  }

  peersOf(hosts: readonly number[]): string[] {
    return hosts.map((i) => this.#peers[i]!)
  }

  /** Faults by lot, and in between what `meddle` does; at the end all is up and connected. */
  async trouble(ms: number, meddle: () => void): Promise<void> {
    this.#calm = this.mesh.now + ms
    await this.#storm.rage(ms, meddle)
  }

  get isTroubled(): boolean {
    return this.mesh.now < this.#calm
  }

  /** All members at once: what they had not synced is lost. */
  powerCut(): void {
    this.play.faults++
    for (const i of this.members) this.#storm.crash(i)
  }

  /** Until the cuts are healed: what the host has asked of the leader is not answered by it. */
  cutFromLeader(host: number, group: Name): void {
    const leader = this.leaderOf(group)
    if (leader !== undefined && leader !== host) this.cut([host], [leader])
  }

  cutOff(host: number): void {
    const others = this.hosts.filter((i) => i !== host)
    this.cut([host], others)
  }

  cut(some: readonly number[], others: readonly number[]): void {
    if (!this.isTroubled) return
    this.play.faults++
    this.mesh.partition(some, others)
  }
}

/** Hosts that are never members. */
const CLIENTS = 2
