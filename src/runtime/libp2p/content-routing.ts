import { isPeerId } from '@libp2p/interface'
import { type KadDHT, type KadDHTComponents, kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import type { Ping } from '@libp2p/ping'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { KAD_PROTOCOL, PROVIDER_LIFETIME } from '../../../protocols/directory/constants.ts'
import { MeshError } from '../../../protocols/errors.ts'
import type { ContentRouting, WaitOptions } from '../ports.ts'
import { aborted, textOf } from './failure.ts'
import type { HostLimits } from './limits.ts'

/**
 * Kademlia as a private mesh needs it. `clientMode: false` and the mapper that keeps private addresses: without them
 * every query on a private network hangs. The first look for ourselves comes early, so that two nodes can provide
 * after 0.2 s; the ones after it keep libp2p's pace. Queries never count zero peers as success.
 */
export function kademlia() {
  const create = kadDHT({
    protocol: KAD_PROTOCOL,
    clientMode: false,
    peerInfoMapper: passthroughMapper,
    initialQuerySelfInterval: 100,
    alpha: 3,
    disjointPaths: 2,
    // We announce again ourselves, long before this; libp2p's own round only drops what others stopped announcing.
    reprovide: { validity: PROVIDER_LIFETIME, interval: PROVIDER_LIFETIME / 12, threshold: 0 }
  })
  return (components: KadDHTComponents) => create(sparingPings(components))
}

/**
 * The table pings each peer before it takes it in, over a stream of its own from either side. One that is connected was
 * identified a moment ago: of 36 ms of processor time that a connection cost with all services, the pings took 8.
 */
function sparingPings(components: KadDHTComponents): KadDHTComponents {
  const { ping, connectionManager } = components
  const sparing: Ping = {
    ping: async (peer, options) => {
      const connected = isPeerId(peer) && connectionManager.getConnections(peer).length > 0
      return connected ? 0 : ping.ping(peer, options)
    }
  }
  return new Proxy(components, {
    get: (target, key) => (key === 'ping' ? sparing : Reflect.get(target, key))
  })
}

export class KademliaRouting implements ContentRouting {
  readonly #dht: KadDHT
  readonly #limits: HostLimits
  readonly #selectors = new Map<string, (key: string, values: Uint8Array[]) => number>()

  constructor(dht: KadDHT, limits: HostLimits) {
    this.#dht = dht
    this.#limits = limits
  }

  async provide(key: string, options: WaitOptions = {}): Promise<void> {
    const cid = await cidOf(key)
    let told = 0
    await this.#query(`Providing ${key}`, options, async (signal) => {
      for await (const event of this.#dht.provide(cid, { signal })) {
        if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') told++
      }
    })
    if (told === 0) throw new MeshError('ERR_PEER_UNREACHABLE', `No peer took the provider record for ${key}`)
  }

  /** Forgets that we provide: what others hold ends with its lifetime. */
  async withdraw(key: string): Promise<void> {
    await this.#dht.cancelReprovide(await cidOf(key))
  }

  async *findProviders(key: string, options: WaitOptions = {}): AsyncIterable<string> {
    const what = `Looking for providers of ${key}`
    const signal = this.#bounded(options)
    const seen = new Set<string>()
    try {
      for await (const event of this.#dht.findProviders(await cidOf(key), { signal })) {
        if (event.name !== 'PROVIDER') continue
        for (const { id } of event.providers) {
          const peer = id.toString()
          if (seen.has(peer)) continue
          seen.add(peer)
          yield peer
        }
      }
    } catch (cause) {
      throw this.#failure(what, options, signal, cause)
    }
  }

  async put(key: string, value: Uint8Array, options: WaitOptions = {}): Promise<number> {
    let taken = 0
    await this.#query(`Storing ${key}`, options, async (signal) => {
      for await (const event of this.#dht.put(bytesOf(key), value, { signal })) {
        if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') taken++
      }
    })
    return taken
  }

  async get(key: string, options: WaitOptions = {}): Promise<Uint8Array | undefined> {
    const seen: Uint8Array[] = []
    let best: Uint8Array | undefined
    try {
      await this.#query(`Fetching ${key}`, options, async (signal) => {
        for await (const event of this.#dht.get(bytesOf(key), { signal })) {
          if (event.name === 'VALUE') best = event.value
          else if (event.name === 'PEER_RESPONSE' && event.record !== undefined) seen.push(event.record.value)
        }
      })
    } catch (error) {
      // The table also corrects peers that hold an older value, and fails as a whole where one of them is gone by then.
      if (seen.length === 0 || options.signal?.aborted === true) throw error
    }
    return best ?? seen[this.#choose(key, seen)]
  }

  #choose(key: string, values: Uint8Array[]): number {
    return this.#selectors.get(key.split('/')[1] ?? '')?.(key, values) ?? 0
  }

  validate(prefix: string, check: (key: string, value: Uint8Array) => Promise<boolean>): void {
    this.#dht.validators[bare(prefix)] = async (key, value) => {
      if (!(await check(textOfKey(key), value))) throw new MeshError('ERR_UNTRUSTED', `Record under ${prefix} refused`)
    }
  }

  select(prefix: string, choose: (key: string, values: Uint8Array[]) => number): void {
    this.#selectors.set(bare(prefix), choose)
    this.#dht.selectors[bare(prefix)] = (key, values) => choose(textOfKey(key), values)
  }

  async #query(what: string, options: WaitOptions, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const signal = this.#bounded(options)
    try {
      await run(signal)
    } catch (cause) {
      throw this.#failure(what, options, signal, cause)
    }
  }

  #bounded(options: WaitOptions): AbortSignal {
    const own = AbortSignal.timeout(this.#limits.queryTimeout)
    return options.signal === undefined ? own : AbortSignal.any([own, options.signal])
  }

  #failure(what: string, options: WaitOptions, signal: AbortSignal, cause: unknown): MeshError {
    if (cause instanceof MeshError) return cause
    if (options.signal?.aborted === true) return aborted(what, options.signal)
    if (signal.aborted) {
      return new MeshError('ERR_TIMEOUT', `${what} took longer than ${this.#limits.queryTimeout} ms`, { cause })
    }
    return new MeshError('ERR_PEER_UNREACHABLE', `${what} failed: ${textOf(cause)}`, { cause })
  }
}

async function cidOf(key: string): Promise<CID> {
  return CID.createV1(raw.code, await sha256.digest(bytesOf(key)))
}

/** Validators are found by the first segment of the key, without its slashes. */
function bare(prefix: string): string {
  return prefix.replaceAll('/', '')
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const bytesOf = (key: string): Uint8Array => encoder.encode(key)
const textOfKey = (key: Uint8Array): string => decoder.decode(key)
