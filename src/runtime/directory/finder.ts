import { readHostRecord } from '../../../protocols/directory/host-record.ts'
import { agentKey, hostKey } from '../../../protocols/directory/keys.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { Clock, Host, WaitOptions } from '../ports.ts'
import { ExpiringCache } from './cache.ts'
import type { DirectoryInit, DirectoryOptions, Location, ProviderTable } from './types.ts'

/** Records fetched at once for one name: one host whose record is slow must not hold up the others. */
const FETCHES = 4
/** Hosts given for one name: Kademlia's k, which is also what one answer may name. */
const MAX_LOCATIONS = 20

/** Asks the table: who provides the name, and where are they. */
export class Finder {
  readonly #host: Host
  readonly #routing: ProviderTable
  readonly #clock: Clock
  readonly #options: DirectoryOptions
  readonly #names: ExpiringCache<readonly Location[]>
  readonly #hosts: ExpiringCache<Location>

  constructor({ host, routing, clock }: DirectoryInit, options: DirectoryOptions) {
    this.#host = host
    this.#routing = routing
    this.#clock = clock
    this.#options = options
    this.#names = new ExpiringCache(options.cacheEntries)
    this.#hosts = new ExpiringCache(options.cacheEntries)
  }

  async *find(name: string, options: WaitOptions): AsyncIterable<Location> {
    const known = this.#names.get(name, this.#clock.monotonic())
    if (known !== undefined) {
      yield* known
      return
    }
    const found: Location[] = []
    try {
      for await (const location of this.#search(name, options)) {
        found.push(location)
        yield location
        if (found.length === MAX_LOCATIONS) break
      }
    } catch (error) {
      if (found.length === 0 || options.signal?.aborted === true) throw error
    }
    // Only a search that went to its end is remembered: one host of many, and that one dead, would be worse than none.
    this.#remember(name, found)
  }

  forget(name: string, peer: string): void {
    this.#names.delete(name)
    this.#hosts.delete(peer)
  }

  #remember(name: string, found: readonly Location[]): void {
    const { believeFound, believeNobody } = this.#options
    this.#names.set(name, found, this.#clock.monotonic() + (found.length > 0 ? believeFound : believeNobody))
  }

  /** Providers and their records come in whatever order they come: each location is given as soon as it is known. */
  async *#search(name: string, options: WaitOptions): AsyncIterable<Location> {
    const providers = this.#routing.findProviders(agentKey(name), options)[Symbol.asyncIterator]()
    const fetches = new Set<Promise<() => Location | undefined>>()
    const advance = () =>
      providers.next().then(
        ({ done, value }) =>
          () =>
            void take(done === true, value)
      )
    let next: Promise<() => undefined> | undefined = advance()
    const take = (done: boolean, peer: string): void => {
      next = done ? undefined : advance()
      if (done || peer === this.#host.peer) return
      const fetch = this.#locate(peer, options).then((location) => () => {
        fetches.delete(fetch)
        return location
      })
      fetches.add(fetch)
    }
    try {
      while (next !== undefined || fetches.size > 0) {
        const mayAdvance = next !== undefined && fetches.size < FETCHES
        const settled = await Promise.race(mayAdvance ? [...fetches, next!] : fetches)
        const location = settled()
        if (location !== undefined) yield location
      }
    } finally {
      // The search under way ends with its next step; its failure concerns nobody any more.
      next?.catch(() => {})
      providers.return?.().catch(() => {})
    }
  }

  /** Undefined where there is no record that is good: never an error, because others may have one. */
  async #locate(peer: string, options: WaitOptions): Promise<Location | undefined> {
    const known = this.#hosts.get(peer, this.#clock.monotonic())
    if (known !== undefined) return known
    try {
      const key = hostKey(peer)
      const blob = await this.#routing.get(key, options)
      if (blob === undefined) return undefined
      const now = this.#clock.now()
      const record = await readHostRecord(key, blob, now, (...signed) => this.#host.verify(...signed))
      const location = { peer, addresses: record.addresses }
      const believed = Math.min(this.#options.believeFound, record.expires - now)
      this.#hosts.set(peer, location, this.#clock.monotonic() + believed)
      return location
    } catch (error) {
      if (error instanceof MeshError) return undefined
      throw error
    }
  }
}
