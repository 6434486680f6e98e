import { MeshError } from '../../protocols/errors.ts'
import type { ContentRouting, WaitOptions } from '../runtime/ports.ts'
import { abortable } from './abortable.ts'
import type { SimulatedHost, Surroundings } from './host.ts'

/** How many hosts keep a record: Kademlia's k (Maymounkov and Mazières, 2002). */
const REPLICATION = 20

/** Everybody's share of the table by PeerId: the latest life of each. */
export type Tables = Map<string, SimulatedRouting>
type Check = (key: string, value: Uint8Array) => Promise<boolean>
type Choose = (key: string, values: Uint8Array[]) => number

/**
 * A hash table spread over the hosts: a record lives on the k hosts that are nearest to its key among those that can be
 * reached over connections, and goes with them. One lookup takes two round trips: a guess at Kademlia's in a small mesh.
 */
export class SimulatedRouting implements ContentRouting {
  readonly #host: SimulatedHost
  readonly #surroundings: Surroundings
  readonly #everybody: Tables
  readonly #values = new Map<string, Uint8Array>()
  readonly #providers = new Map<string, Set<string>>()
  readonly #checks = new Map<string, Check>()
  readonly #choices = new Map<string, Choose>()

  constructor(host: SimulatedHost, surroundings: Surroundings, everybody: Tables) {
    this.#host = host
    this.#surroundings = surroundings
    this.#everybody = everybody
  }

  validate(prefix: string, check: Check): void {
    this.#checks.set(prefix, check)
  }

  select(prefix: string, choose: Choose): void {
    this.#choices.set(prefix, choose)
  }

  async provide(key: string, options: WaitOptions = {}): Promise<void> {
    for (const table of [this, ...(await this.#lookUp(key, 'provide', options))]) {
      const providers = table.#providers.get(key) ?? new Set()
      table.#providers.set(key, providers.add(this.#host.peer))
    }
  }

  async *findProviders(key: string, options: WaitOptions = {}): AsyncIterable<string> {
    const found = new Set(this.#providers.get(key))
    yield* found
    for (const table of await this.#lookUp(key, 'find-providers', options)) {
      for (const peer of table.#providers.get(key) ?? []) {
        if (found.has(peer)) continue
        found.add(peer)
        this.#host.learn(peer, this.#surroundings.hosts.get(peer)?.addresses() ?? [])
        yield peer
      }
    }
  }

  async put(key: string, value: Uint8Array, options: WaitOptions = {}): Promise<number> {
    let taken = 0
    for (const table of await this.#lookUp(key, 'put', options)) {
      if (await table.#take(key, new Uint8Array(value))) taken++
    }
    await this.#take(key, new Uint8Array(value))
    return taken
  }

  async get(key: string, options: WaitOptions = {}): Promise<Uint8Array | undefined> {
    const values: Uint8Array[] = []
    for (const table of [this, ...(await this.#lookUp(key, 'get', options))]) {
      const value = table.#values.get(key)
      if (value !== undefined && (await this.#accepts(key, value))) values.push(new Uint8Array(value))
    }
    const choose = byPrefix(this.#choices, key)
    return values.length > 1 && choose !== undefined ? values[choose(key, values)] : values[0]
  }

  async #take(key: string, value: Uint8Array): Promise<boolean> {
    if (!(await this.#accepts(key, value))) return false
    const former = this.#values.get(key)
    const choose = byPrefix(this.#choices, key)
    if (former !== undefined && choose !== undefined && choose(key, [value, former]) !== 0) return false
    this.#values.set(key, value)
    return true
  }

  async #accepts(key: string, value: Uint8Array): Promise<boolean> {
    const check = byPrefix(this.#checks, key)
    return check === undefined || check(key, value)
  }

  /** The tables of the hosts nearest to the key, after the time that the lookup takes. */
  async #lookUp(key: string, event: string, options: WaitOptions): Promise<SimulatedRouting[]> {
    const { medium } = this.#surroundings
    const lookup = new Promise<void>((resolve) => {
      const trips = medium.latency() + medium.latency() + medium.latency() + medium.latency()
      medium.time.at(medium.time.now + trips, resolve)
    })
    await abortable(lookup, options.signal)
    const nearest = this.#reachable()
      .map((table) => ({ table, distance: distance(key, table.#host.peer) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, REPLICATION)
    if (nearest.length === 0)
      throw new MeshError('ERR_PEER_UNREACHABLE', 'no host in reach holds a part of the hash table')
    for (const { table } of nearest) medium.trace.add(medium.time.now, this.#host.label, table.#host.label, event, key)
    return nearest.map(({ table }) => table)
  }

  /** Everybody else whom connections lead to, and who is not cut off from this host. */
  #reachable(): SimulatedRouting[] {
    const { medium, hosts } = this.#surroundings
    const reached = new Set([this.#host.peer])
    for (const peer of reached) {
      const host = hosts.get(peer)
      for (const next of host?.connected() ?? []) {
        const label = hosts.get(next)?.label
        if (label !== undefined && hosts.get(next)?.online && !medium.isCut(this.#host.label, label)) reached.add(next)
      }
    }
    reached.delete(this.#host.peer)
    return [...reached].flatMap((peer) => this.#everybody.get(peer) ?? [])
  }
}

function byPrefix<T>(table: Map<string, T>, key: string): T | undefined {
  for (const [prefix, value] of table) if (key.startsWith(prefix)) return value
  return undefined
}

/** Any total order that keys and hosts agree on will do. */
function distance(key: string, peer: string): number {
  let hash = 0x811c9dc5
  for (const character of `${key}\n${peer}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  return hash >>> 0
}
