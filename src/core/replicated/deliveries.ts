import { MeshError } from '../../../protocols/errors.ts'
import { Delivered } from './delivered.ts'
import type { Locks } from './locks.ts'
import { fieldsOf, listOf, malformed, textOf, wholeOf } from './malformed.ts'
import type { Applying, StateMachine } from './types.ts'

/** What hosts share of an agent's state. */
interface Shared {
  readonly value: Uint8Array
  /** The entry that wrote it. */
  readonly version: number
}

type Change = readonly [key: string, value: Uint8Array | undefined]
type Read = readonly [key: string, version: number]

/** The lock of a delivery, in the part `locks`. No other lock should begin with `delivery `. */
export function lockOf(delivery: string): string {
  return `delivery ${delivery}`
}

/**
 * The log of deliveries that hosts share, and the agents' state that changes with them. A delivery is `<source> <id>`.
 *
 * `{ step: { delivery, token, reads, changes } }` happens at once or not at all: the delivery is recorded, and each key gets its
 * next value. `reads` are `[key, version]`, `changes` are `[key, bytes]`, bytes undefined to delete; both may be empty. `delivery`
 * and `token` are left out where nothing was delivered; else `lockOf(delivery)` must be held under the token, and is released
 * by it. It is refused with
 * - `ERR_COORDINATION_TIMEOUT`, where the lock is not held under that token any more;
 * - `ERR_SETTLED`, where the delivery is recorded already;
 * - `ERR_GAP`, where that is not known any more: it might be a second time (`Delivered` says when);
 * - `ERR_CONFLICT`, where a key of `reads` has another version.
 *
 * Whoever holds the lock sees, at its token's index, all that holders before did: a token is the index of an entry.
 *
 * Questions: `{ delivered: delivery }`, `ERR_GAP` as above; `{ get: key }`, `{ value, version }` or undefined; `{ entries: prefix }`,
 * `[key, { value, version }]` in the order of the keys, and looks at every key for it. The version of what is absent is 0.
 */
export class Deliveries implements StateMachine {
  readonly #locks: Locks
  readonly #delivered = new Delivered()
  #shared = new Map<string, Shared>()

  /** `locks`: the part of the same state. */
  constructor(locks: Locks) {
    this.#locks = locks
  }

  apply(command: unknown, { index }: Applying): undefined {
    const { delivery, token, reads, changes } = fieldsOf(fieldsOf(command)['step'])
    const next = listOf(changes, 'the changes').map(changeOf)
    const seen = listOf(reads, 'the reads').map(readOf)
    if (delivery === undefined) this.#checkReads(seen)
    else this.#record(textOf(delivery, 'the delivery'), wholeOf(token, 'the token'), seen, index)
    for (const [key, value] of next) {
      if (value === undefined) this.#shared.delete(key)
      else this.#shared.set(key, { value, version: index })
    }
  }

  /** Nothing is changed unless all of it may be. */
  #record(delivery: string, token: number, reads: readonly Read[], index: number): void {
    const lock = lockOf(delivery)
    if (!this.#locks.holds(lock, token)) {
      throw new MeshError('ERR_COORDINATION_TIMEOUT', `the lock of ${delivery} is lost`)
    }
    if (this.#isDelivered(delivery)) throw new MeshError('ERR_SETTLED', `${delivery} was delivered`)
    this.#checkReads(reads)
    this.#delivered.add(delivery, index)
    this.#locks.release(lock, token, index)
  }

  #checkReads(reads: readonly Read[]): void {
    for (const [key, version] of reads) {
      if ((this.#shared.get(key)?.version ?? 0) !== version) throw new MeshError('ERR_CONFLICT', `${key} has changed`)
    }
  }

  #isDelivered(delivery: string): boolean {
    const delivered = this.#delivered.has(delivery)
    if (delivered === undefined)
      throw new MeshError('ERR_GAP', `whether ${delivery} was delivered is not known any more`)
    return delivered
  }

  query(question: unknown): unknown {
    const { delivered, get, entries } = fieldsOf(question)
    if (typeof delivered === 'string') return this.#isDelivered(delivered)
    if (typeof get === 'string') return this.#shared.get(get)
    if (typeof entries !== 'string') throw malformed('no question to deliveries')
    return [...this.#shared].filter(([key]) => key.startsWith(entries)).sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** How many sources, the sources, and `key, value, version` of each key. */
  snapshot(): unknown[] {
    const sources = this.#delivered.toData()
    const flat: unknown[] = [sources.length, ...sources]
    for (const [key, { value, version }] of this.#shared) flat.push(key, value, version)
    return flat
  }

  restore(state: unknown): void {
    const flat = listOf(state, 'the deliveries')
    const first = 1 + wholeOf(flat[0], 'how many sources')
    if (first > flat.length) throw malformed('fewer sources than it says')
    this.#delivered.restore(flat.slice(1, first))
    this.#shared = new Map()
    for (let i = first; i < flat.length; i += 3) {
      const [key, value] = changeOf(flat.slice(i, i + 2))
      if (value === undefined) throw malformed('a key without a value')
      this.#shared.set(key, { value, version: wholeOf(flat[i + 2], 'a version', 1) })
    }
  }
}

function changeOf(change: unknown): Change {
  const [key, value] = listOf(change, 'a change')
  if (value !== undefined && !(value instanceof Uint8Array)) throw malformed('a value that is no bytes')
  return [textOf(key, 'a key'), value]
}

function readOf(read: unknown): Read {
  const [key, version] = listOf(read, 'a read')
  return [textOf(key, 'a key'), wholeOf(version, 'a version')]
}
