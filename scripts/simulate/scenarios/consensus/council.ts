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
  statuses(group: 'registers' | 'ledger'): object[] {
    const names = (peers: readonly string[]): string => peers.map((peer) => this.#peers.indexOf(peer)).join()
    return this.hosts.map((i) => {
      const status = this.present(i)?.[group].status()
      if (status === undefined) return { host: i }
      const { role, term, leader, applied, voters, learners } = status
      const members = { voters: names(voters), learners: names(learners), leader: leader && names([leader]) }
      return { host: i, role, term, applied, ...members }
    })
  }

  /** Faults by lot, changes of the voters among them; at the end all is up and connected. */
  async trouble(ms: number): Promise<void> {
    await this.#storm.rage(ms, () => this.#meddle())
  }

  #meddle(): void {
    const { chance } = this.play
    const deeds: readonly [share: number, deed: () => void][] = [
      [0.2, () => this.#changeVoters()],
      [0.1, () => this.#transfer()],
      [0.2, () => this.#snapshot()],
      [0.12, () => this.#isolateLeader()],
      [0.05, () => this.#powerCut()]
    ]
    for (const [share, deed] of deeds) if (chance.happens(share)) deed()
  }

  #anyGroup(): KeyValueGroup | MachineGroup | undefined {
    const { chance } = this.play
    const seat = this.present(chance.pick(this.hosts))
    return seat && chance.pick([seat.registers, seat.ledger])
  }

  #changeVoters(): void {
    const { chance } = this.play
    const order = chance.shuffled(this.members.map((i) => this.#peers[i]!))
    const size = Math.min(order.length, chance.pick([2, 3, 3, 4, 5]))
    const learners = order.slice(size, size + chance.below(2))
    const group = this.#anyGroup()
    this.play.faults++
    if (group === undefined) return
    this.#ask(
      `change the voters of ${group.name}`,
      group.changeVoters(order.slice(0, size), { learners, timeout: 4_000 })
    )
  }

  #transfer(): void {
    const group = this.#anyGroup()
    if (group !== undefined)
      this.#ask(`transfer ${group.name}`, group.transferLeadership(undefined, { timeout: 4_000 }))
  }

  #snapshot(): void {
    const group = this.#anyGroup()
    if (group !== undefined) this.#ask(`snapshot of ${group.name}`, group.snapshot({ timeout: 4_000 }))
  }

  /** It may fail, as everything may in such weather. */
  #ask(what: string, asked: Promise<unknown>): void {
    this.play.watch(this.mesh, what, asked)
  }

  #isolateLeader(): void {
    const {
      mesh,
      play: { chance }
    } = this
    const name = chance.pick(['registers', 'ledger'] as const)
    const leader = this.members.find((i) => this.present(i)?.[name].status().role === 'leader')
    if (leader === undefined) return
    this.play.faults++
    // With its clients or without them.
    const others = chance.happens(0.5) ? this.members : this.hosts
    mesh.partition(
      [leader],
      others.filter((i) => i !== leader)
    )
  }

  /** All members at once: what they had not synced is lost. */
  #powerCut(): void {
    this.play.faults++
    for (const i of this.members) this.#storm.crash(i)
  }
}

/** Hosts that are never members. */
const CLIENTS = 2
