import { MeshError } from '../../protocols/errors.ts'
import type { Clock, CoordinatedStep, Coordinator, DeliveryLock, WaitOptions } from '../../src/runtime/ports.ts'
import { createMemoryStore } from '../../src/runtime/storage/memory-store.ts'

interface Hold extends DeliveryLock {
  readonly owner: string
}

/** What consensus will be among hosts, in one process: each host gets its own view by `for`. */
export class MemoryCoordinator {
  readonly #clock: Clock
  readonly #state = createMemoryStore()
  readonly #delivered = new Set<string>()
  readonly #held = new Map<string, Hold>()
  readonly #released = new Map<string, (() => void)[]>()
  /** Deliveries recorded, in order. */
  readonly log: string[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  for(owner: string): Coordinator {
    return {
      acquire: (delivery, options) => this.#acquire(owner, delivery, options),
      delivered: async (delivery) => this.#delivered.has(delivery),
      record: (step) => this.#record(step),
      get: (key) => this.#state.get(key),
      version: (key) => this.#state.version(key),
      entries: (prefix) => this.#state.entries(prefix)
    }
  }

  /** The host is gone, or held to be: its locks are anybody's. */
  expire(owner: string): void {
    for (const [delivery, hold] of this.#held) if (hold.owner === owner) this.#free(delivery, hold)
  }

  async #acquire(
    owner: string,
    delivery: string,
    { timeout }: WaitOptions & { timeout: number }
  ): Promise<DeliveryLock> {
    let late = false
    const timer = this.#clock.after(timeout, () => {
      late = true
      for (const wake of this.#released.get(delivery)?.splice(0) ?? []) wake()
    })
    while (this.#held.has(delivery)) {
      const waiting = this.#released.get(delivery) ?? []
      this.#released.set(delivery, waiting)
      await new Promise<void>((resolve) => waiting.push(resolve))
      if (late) throw new MeshError('ERR_COORDINATION_TIMEOUT', `${delivery} is held by another host`)
    }
    timer.cancel()
    const hold: Hold = { owner, release: async () => this.#free(delivery, hold) }
    this.#held.set(delivery, hold)
    return hold
  }

  #free(delivery: string, hold: Hold): void {
    if (this.#held.get(delivery) !== hold) return
    this.#held.delete(delivery)
    for (const wake of this.#released.get(delivery)?.splice(0) ?? []) wake()
  }

  async #record({ delivery, lock, reads, changes }: CoordinatedStep): Promise<void> {
    if (delivery !== undefined && this.#held.get(delivery) !== lock) {
      throw new MeshError('ERR_COORDINATION_TIMEOUT', `the lock of ${delivery} is lost`)
    }
    for (const [key, version] of reads) {
      if (this.#state.version(key) !== version) throw new MeshError('ERR_CONFLICT', `${key} has changed`)
    }
    if (delivery !== undefined) {
      this.#delivered.add(delivery)
      this.log.push(delivery)
    }
    await this.#state.write(changes)
  }
}
