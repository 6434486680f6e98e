import type { Replica } from '../../../src/runtime/consensus/replica.ts'
import { Replicas } from '../../../src/runtime/consensus/replicas.ts'
import type { Committed, ConsensusEvent, ReplicaOptions } from '../../../src/runtime/consensus/types.ts'
import { LinkTable } from '../../../src/runtime/links/table.ts'
import type { LinkHandler } from '../../../src/runtime/links/types.ts'
import { createMemoryStore } from '../../../src/runtime/storage/memory-store.ts'
import { openStore } from '../../../src/runtime/storage/store.ts'
import type { Store } from '../../../src/runtime/storage/types.ts'
import type { SimulatedDisk } from '../../../src/testing/disk.ts'
import { type Place, World, type WorldOptions } from '../../../src/testing/world.ts'
import { LIMITS } from '../links/ground.ts'
import { Ledger } from './ledger.ts'

const GROUP = 'orders'

export interface Frame {
  from: string
  to: string
  kind: number
}

export interface GroupSetting extends WorldOptions {
  /** How many of the hosts vote; the others are neither voters nor learners. */
  voters?: number
  options?: Partial<ReplicaOptions>
  maxFrame?: number
}

/** One life of a host. */
export class Host {
  readonly label: string
  readonly place: Place
  readonly store: Store
  readonly replicas: Replicas
  readonly links: LinkTable
  readonly events: ConsensusEvent[] = []
  /** By group. */
  readonly ledgers = new Map<string, Ledger>()

  constructor(label: string, place: Place, store: Store, cluster: Cluster) {
    this.label = label
    this.place = place
    this.store = store
    const { host } = place.network
    this.links = new LinkTable({
      ...{ host, clock: place.clock, dice: place.dice, formats: ['messagepack'] },
      limits: LIMITS,
      onEvent: () => {},
      onHeard: () => {}
    })
    this.replicas = new Replicas({
      ...{ self: host.peer, clock: place.clock, random: () => place.dice.random() },
      links: { register: (handler) => this.links.register(watched(handler, host.peer, cluster)), to: this.#to },
      ...{ store: () => store, marks: place.marks, maxFrame: cluster.setting.maxFrame ?? LIMITS.maxFrame },
      emit: (event) => this.events.push(event)
    })
  }

  readonly #to: LinkTable['to'] = (peer, protocol, lane) => this.links.to(peer, protocol, lane)

  get peer(): string {
    return this.place.network.host.peer
  }

  get replica(): Replica {
    return this.replicas.get(GROUP)!
  }

  get ledger(): Ledger {
    return this.ledgers.get(GROUP)!
  }

  get role(): string | undefined {
    return this.replicas.get(GROUP)?.status().role
  }
}

/** Some hosts with real drivers, stores and links, over a network and disks in memory under a virtual clock. */
export class Cluster implements AsyncDisposable {
  readonly world: World
  readonly hosts: Host[] = []
  readonly frames: Frame[] = []
  readonly setting: GroupSetting
  readonly #down = new Set<number>()

  constructor(setting: GroupSetting) {
    this.setting = setting
    this.world = new World({ latency: [1, 3], fragmentation: 0, ...setting })
  }

  static async of(count: number, setting: GroupSetting = {}): Promise<Cluster> {
    const cluster = new Cluster(setting)
    for (let i = 0; i < count; i++) await cluster.boot(i)
    await cluster.openAll(GROUP)
    return cluster
  }

  /** Opens a group on every host that lives. */
  async openAll(group: string): Promise<void> {
    for (const i of this.hosts.keys()) if (!this.#down.has(i)) await this.open(i, group)
  }

  /** The next life of a host, without its groups. */
  async boot(i: number): Promise<Host> {
    const label = 'abcdefgh'[i]!
    const place = await this.world.place(label)
    await place.network.host.start()
    const opened = place.disk === undefined ? undefined : openStore(place.disk)
    const store = opened === undefined ? createMemoryStore() : await this.run(opened)
    const host = new Host(label, place, store, this)
    this.hosts[i] = host
    this.#down.delete(i)
    for (const one of this.hosts) for (const other of this.hosts) introduce(one, other)
    return host
  }

  /** Of all that were booted first, as many as vote. */
  get voters(): string[] {
    return this.hosts.slice(0, this.setting.voters ?? this.hosts.length).map(({ peer }) => peer)
  }

  async open(i: number, group = GROUP, voters = this.voters): Promise<Replica> {
    const host = this.hosts[i]!
    const state = new Ledger()
    const replica = await this.run(host.replicas.open(group, { voters, state, options: this.setting.options }))
    host.ledgers.set(group, state)
    return replica
  }

  /** Crashes first where it lives. */
  async restart(i: number): Promise<Replica> {
    if (!this.#down.has(i)) this.crash(i)
    await this.boot(i)
    return this.open(i)
  }

  crash(i: number): void {
    this.world.crash(this.hosts[i]!.label)
    this.#down.add(i)
  }

  disk(i: number): SimulatedDisk {
    return this.world.disks.get(this.hosts[i]!.label)!
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.world.time.run(promise, 60_000)
  }

  /** Lets time pass until it is so. */
  async until(what: string, is: () => boolean): Promise<void> {
    for (let i = 0; i < 2_000; i++) {
      if (is()) return
      await this.world.time.advance(20)
    }
    throw new Error(`waited in vain for ${what}`)
  }

  get living(): Host[] {
    return this.hosts.filter((_, i) => !this.#down.has(i))
  }

  /** Who leads, once somebody does and all others that live follow. */
  async leader(): Promise<Host> {
    let found: Host | undefined
    await this.until('a leader', () => {
      found = this.living.find(({ role }) => role === 'leader')
      return found !== undefined && found.replica.status().commit >= 1
    })
    return found!
  }

  indexOf(host: Host): number {
    return this.hosts.indexOf(host)
  }

  /** One after the other, by whoever leads. */
  async propose(...lines: string[]): Promise<Committed[]> {
    const leader = await this.leader()
    return this.run(Promise.all(lines.map((line) => leader.replica.propose(Buffer.from(line)))))
  }

  /** All that live hold the same, of so many lines. */
  async agree(count: number): Promise<string[]> {
    await this.until(`${count} lines everywhere`, () =>
      this.living.every(({ ledger }) => ledger.lines.length === count)
    )
    const [first] = this.living
    return first!.ledger.lines
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { replicas, links } of this.living) {
      replicas.stop()
      await this.run(links.stop())
    }
  }
}

function introduce(one: Host, other: Host): void {
  if (one !== other) one.place.network.host.learn(other.peer, other.place.network.host.addresses())
}

/** Counts the frames that it gets. */
function watched(handler: LinkHandler, to: string, cluster: Cluster): LinkHandler {
  return {
    protocol: handler.protocol,
    lanes: handler.lanes,
    ...(handler.counted && { counted: handler.counted }),
    frame: (link, kind, body) => {
      cluster.frames.push({ from: link.peer, to, kind })
      handler.frame(link, kind, body)
    },
    closed: (link, error) => handler.closed?.(link, error)
  }
}
