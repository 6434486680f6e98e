import { decodeData, encodeData } from '../../protocols/envelope/data.ts'
import type { Payload } from '../../protocols/envelope/message.ts'
import { MeshError } from '../../protocols/errors.ts'
import type { Change } from '../runtime/storage/types.ts'
import type { HostState, SharedState, StateHome } from './state-home.ts'
import type { AgentState, StateChange } from './types.ts'

/** Bytes of a key: as many as of an id. */
const MAX_KEY_BYTES = 1_024

/**
 * What the instances of one agent on one host remember together: keys and values, the values encoded as a message's data
 * are. Kept under `state/<agent>/<key>`, the agent's name escaped so that none begins another's.
 */
export class StateSpace implements AgentState {
  readonly home: StateHome
  /** Begins every key's place. Stored under it itself, nothing: its version tells that keys came or went. */
  readonly prefix: string

  constructor(agent: string, home: StateHome) {
    this.home = home
    this.prefix = `state/${encodeURIComponent(agent)}/`
  }

  /** As it is on disk: whoever acts on it must not find it gone after a crash. */
  async get(key: string): Promise<Payload | undefined> {
    for (;;) {
      const [value, settled] = await Promise.all([this.peek(key), this.home.settled()])
      if (settled) return value
    }
  }

  async *entries(): AsyncGenerator<readonly [key: string, value: Payload]> {
    const { home } = this
    if (home.ordered) {
      for await (const key of this.keys(home)) {
        const value = await this.get(key)
        if (home.version(this.place(key)) !== 0) yield [key, value]
      }
    } else {
      for (const { key, value } of (await this.list(home)).values) yield [key, value]
    }
  }

  // ---- for whoever fails with what it has read -----------------------------------------------------------------------

  /** What is on its way to disk included, here and below. */
  async peek(key: string): Promise<Payload | undefined> {
    const bytes = await this.home.get(this.place(key))
    return bytes === undefined ? undefined : decoded(bytes)
  }

  async *keys(home: HostState): AsyncGenerator<string> {
    for await (const [place] of home.entries(this.prefix)) {
      if (place !== this.prefix) yield place.slice(this.prefix.length)
    }
  }

  async read(place: string, home: SharedState): Promise<{ value: Payload | undefined; version: number }> {
    const { value, version } = await home.read(place)
    return { value: value && decoded(value), version }
  }

  /** All keys, and what tells whether any came or went. */
  async list(
    home: SharedState
  ): Promise<{ version: number; values: { place: string; key: string; value: Payload; version: number }[] }> {
    const values = []
    let keys = 0
    for (const [place, { value, version }] of await home.list(this.prefix)) {
      if (place === this.prefix) keys = version
      else values.push({ place, key: place.slice(this.prefix.length), value: decoded(value!), version })
    }
    return { version: keys, values }
  }

  /** Where a key is stored. Throws `ERR_CONFIG` for what can be none. */
  place(key: string): string {
    if (typeof key !== 'string' || key === '' || !key.isWellFormed() || Buffer.byteLength(key) > MAX_KEY_BYTES) {
      throw wrong('key', `a text of 1 to ${MAX_KEY_BYTES} bytes`)
    }
    return this.prefix + key
  }

  /**
   * `known` tells the version of a place, undefined where it does not know it. Throws `ERR_CONFIG`, and `ERR_UNREPRESENTABLE` for a value
   * that no message could carry.
   */
  encode(changes: readonly StateChange[], known: { version(place: string): number | undefined }): Change[] {
    if (!Array.isArray(changes)) throw wrong('changes', 'a list of puts and deletes')
    const encoded = changes.map((change: StateChange) => this.#encode(change))
    // Where that is not known a key may have come or gone.
    const same = encoded.every(({ key, value }) => {
      const version = known.version(key)
      return version !== undefined && (version === 0) === (value === undefined)
    })
    if (!same) encoded.push({ key: this.prefix, value: NOTHING })
    return encoded
  }

  #encode(change: StateChange): Change {
    switch (change?.type) {
      case 'put':
        return { key: this.place(change.key), value: encodeData(change.value, 'messagepack') }
      case 'delete':
        return { key: this.place(change.key), value: undefined }
      default:
        throw wrong('changes', `a list of { type: 'put', key, value } and { type: 'delete', key }`)
    }
  }
}

const NOTHING = new Uint8Array(0)

/** The bytes may be the store's own, and whoever gets the value may write into what it holds. */
function decoded(bytes: Uint8Array): Payload {
  return decodeData(new Uint8Array(bytes), 'messagepack')
}

function wrong(key: string, must: string): MeshError {
  return new MeshError('ERR_CONFIG', `${key} must be ${must}`, { details: { key } })
}
