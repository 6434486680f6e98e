import { MeshError } from '../../protocols/errors.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { Coordinator, DeliveryLock, SharedValue } from '../runtime/ports.ts'
import type { Change, Store } from '../runtime/storage/types.ts'

/** Where an agent's state is kept, and what it takes to change it. */
export type StateHome = HostState | SharedState

interface Home {
  get(key: string): Promise<Uint8Array | undefined>
  /** Resolves once all that could be read until now is on disk; with false where some of it will never be. */
  settled(): Promise<boolean>
  /**
   * Stores the changes if every key of `reads` has that version still, in one atomic write with the fact that `inbound` was
   * handled, which is acknowledged then. `ERR_CONFLICT`, thrown at once where it is `ordered`; rejects with `ERR_STORAGE`, or
   * `ERR_COORDINATION_TIMEOUT` where it is shared.
   */
  store(reads: ReadonlyMap<string, number>, changes: readonly Change[], inbound: Inbound | undefined): Promise<void>
}

/** State of this host alone: in its own store, beside the record of its deliveries. One for all agents of a node. */
export class HostState implements Home {
  /** What is given to it is seen by readers at once, and takes effect in that order, or fails with all behind it. */
  readonly ordered = true
  readonly #store: Store
  /** The last that was given to be written: when it is on disk, so is all before it. */
  #last: Promise<void> | undefined

  constructor(store: Store) {
    this.#store = store
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#store.get(key)
  }

  version(key: string): number {
    return this.#store.version(key)
  }

  entries(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    return this.#store.entries(prefix)
  }

  store(reads: ReadonlyMap<string, number>, changes: readonly Change[], inbound: Inbound | undefined): Promise<void> {
    for (const [key, version] of reads)
      if (this.#store.version(key) !== version) {
        throw new MeshError('ERR_CONFLICT', `${key} has changed since it was read`, { details: { key } })
      }
    const stored = inbound?.commit?.(changes) ?? this.#plain(changes, inbound)
    this.#last = stored
    return stored
  }

  async settled(): Promise<boolean> {
    const last = this.#last
    try {
      await last
      return true
    } catch {
      if (this.#last === last) this.#last = undefined
      return false
    }
  }

  async #plain(changes: readonly Change[], inbound: Inbound | undefined): Promise<void> {
    await this.#store.write(changes)
    inbound?.done()
  }
}

/** State that agents share wherever they live; `lock` and `delivery` where it is one delivery's to record. */
export class SharedState implements Home {
  readonly ordered = false
  readonly #coordinator: Coordinator
  readonly #delivery: string | undefined
  readonly #lock: DeliveryLock | undefined

  constructor(coordinator: Coordinator, delivery?: string, lock?: DeliveryLock) {
    this.#coordinator = coordinator
    this.#delivery = delivery
    this.#lock = lock
  }

  read(key: string): Promise<SharedValue> {
    return this.#coordinator.read(key, this.#lock)
  }

  /** In the order of the keys, as they are at one moment. */
  list(prefix: string): Promise<(readonly [key: string, shared: SharedValue])[]> {
    return this.#coordinator.list(prefix, this.#lock)
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return (await this.read(key)).value
  }

  /** What it shows was recorded. */
  async settled(): Promise<boolean> {
    return true
  }

  async store(
    reads: ReadonlyMap<string, number>,
    changes: readonly Change[],
    inbound: Inbound | undefined
  ): Promise<void> {
    await this.#coordinator.record({ delivery: this.#delivery, lock: this.#lock, reads, changes })
    inbound?.done()
  }
}
