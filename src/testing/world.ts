import type { Clock, Dice, Disk, Network } from '../runtime/ports.ts'
import { type Broadcasts, SimulatedBroadcast } from './broadcast.ts'
import type { Connection } from './connection.ts'
import { SimulatedRouting, type Tables } from './content-routing.ts'
import { seededDice } from './dice.ts'
import { type DiskConditions, SimulatedDisk } from './disk.ts'
import { SimulatedHost, type Surroundings } from './host.ts'
import { addressOf, createIdentity, type Identity } from './identity.ts'
import { type Conditions, DEFAULT_CONDITIONS, Medium, pairOf } from './medium.ts'
import { Time } from './time.ts'
import { Trace } from './trace.ts'

/** What one life of one node is given of the world. */
export interface Place {
  network: Network
  clock: Clock
  dice: Dice
  disk: Disk | undefined
  marks: Disk | undefined
}

/** Where a host can be dialled once it is started. */
export interface Residence extends Place {
  address: string
}

export type WorldOptions = Partial<Conditions> & {
  /** Default 1. Everything that happens by chance follows from it. */
  seed?: number
  /** What the disks are like; none of the hosts has one without it. */
  disks?: Partial<DiskConditions> | undefined
}

/** A network in memory under a virtual clock: hosts are named by their labels. */
export class World {
  readonly time = new Time()
  readonly trace = new Trace()
  /** By label; each outlives the lives of its host. */
  readonly disks = new Map<string, SimulatedDisk>()
  readonly #seed: number
  readonly #diskConditions: Partial<DiskConditions> | undefined
  readonly #surroundings: Surroundings & { connections: Map<string, Connection> }
  readonly #broadcasts: Broadcasts = new Map()
  readonly #tables: Tables = new Map()
  readonly #residents = new Map<string, { identity: Identity; host: SimulatedHost; lives: number }>()

  constructor(options: WorldOptions = {}) {
    const { seed = 1, disks, ...conditions } = options
    this.#seed = seed
    this.#diskConditions = disks
    const { random } = seededDice(`${seed}/network`)
    const medium = new Medium(this.time, this.trace, random, { ...DEFAULT_CONDITIONS, ...conditions })
    this.#surroundings = { medium, hosts: new Map(), connections: new Map() }
  }

  /** A place for a new node, or, after a crash, for the next life of one that was here. */
  async place(label: string): Promise<Residence> {
    const former = this.#residents.get(label)
    const identity = former?.identity ?? (await this.identity(label))
    const lives = (former?.lives ?? 0) + 1
    const clock = this.time.clock()
    const host = new SimulatedHost(this.#surroundings, identity, clock)
    const broadcast = new SimulatedBroadcast(host, this.#surroundings, this.#broadcasts)
    const routing = new SimulatedRouting(host, this.#surroundings, this.#tables)
    this.#residents.set(label, { identity, host, lives })
    this.#surroundings.hosts.set(identity.peer, host)
    this.#broadcasts.set(identity.peer, broadcast)
    this.#tables.set(identity.peer, routing)
    const dice = seededDice(`${this.#seed}/${label}/${lives}`)
    const disk = this.#diskOf(label)?.attach(clock)
    const marks = disk?.folder('groups')
    return { network: { host, broadcast, routing }, clock, dice, disk, marks, address: addressOf(identity) }
  }

  /** Who the host of that label is, or will be. */
  identity(label: string): Promise<Identity> {
    return createIdentity(label, seededDice(`${this.#seed}/${label}/identity`))
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.time.at(this.time.now + ms, resolve))
  }

  /** Kills the process at once; `silent` takes the whole machine, so that nobody resets its connections. */
  crash(label: string, options: { silent?: boolean } = {}): void {
    this.trace.add(this.time.now, label, label, 'crash')
    this.#residents.get(label)?.host.crash(options.silent ?? false)
    this.disks.get(label)?.crash()
  }

  /** Nothing gets through between the two: connections stall and are reset after the time-out, dials fail. */
  cut(a: string, b: string): void {
    if (this.#surroundings.medium.setCut(a, b, true)) this.#connectionOf(a, b)?.stall()
  }

  heal(a: string, b: string): void {
    if (this.#surroundings.medium.setCut(a, b, false)) this.#connectionOf(a, b)?.recover()
  }

  #diskOf(label: string): SimulatedDisk | undefined {
    if (this.#diskConditions === undefined) return undefined
    let disk = this.disks.get(label)
    if (disk === undefined) {
      disk = new SimulatedDisk(seededDice(`${this.#seed}/${label}/disk`).random, this.#diskConditions)
      disk.onWrite = (path, bytes) => this.trace.add(this.time.now, label, label, 'write', path, bytes)
      this.disks.set(label, disk)
    }
    return disk
  }

  #connectionOf(a: string, b: string): Connection | undefined {
    return this.#surroundings.connections.get(pairOf(a, b))
  }
}
