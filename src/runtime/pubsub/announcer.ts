import type { Membership } from '../../core/membership/types.ts'
import type { InterestEntry } from '../../core/pubsub/interest.ts'
import type { Clock } from '../ports.ts'
import { SUBSCRIPTION_PREFIX } from './interest.ts'

interface Announced {
  key: string
  count: number
  linked: number
}

/** Tells the mesh which patterns are wanted here: one entry a pattern, and one change a turn however many subscriptions come. */
export class Announcer {
  readonly #membership: Membership
  readonly #clock: Clock
  readonly #stopped: AbortSignal
  readonly #patterns = new Map<string, Announced>()
  readonly #changed = new Set<string>()
  #serial = 0
  #flush: PromiseWithResolvers<number> | undefined

  constructor(membership: Membership, clock: Clock, stopped: AbortSignal) {
    this.#membership = membership
    this.#clock = clock
    this.#stopped = stopped
  }

  /** Resolves once every live member knows that the pattern is wanted here. */
  async add(pattern: string, linked: boolean, signal: AbortSignal): Promise<void> {
    let announced = this.#patterns.get(pattern)
    if (announced === undefined) {
      announced = { key: SUBSCRIPTION_PREFIX + (this.#serial++).toString(36), count: 0, linked: 0 }
      this.#patterns.set(pattern, announced)
    }
    announced.count++
    if (linked) announced.linked++
    this.#changed.add(pattern)
    const version = await this.#schedule()
    await this.#membership.announced(version, { signal: AbortSignal.any([signal, this.#stopped]) })
    signal.throwIfAborted()
    this.#stopped.throwIfAborted()
  }

  remove(pattern: string, linked: boolean): void {
    const announced = this.#patterns.get(pattern)
    if (announced === undefined) return
    announced.count--
    if (linked) announced.linked--
    this.#changed.add(pattern)
    void this.#schedule()
  }

  #schedule(): Promise<number> {
    if (this.#flush === undefined) {
      this.#flush = Promise.withResolvers()
      this.#clock.endOfTurn(() => this.#announce())
    }
    return this.#flush.promise
  }

  #announce(): void {
    let version = 0
    for (const pattern of this.#changed) {
      const { key, count, linked } = this.#patterns.get(pattern)!
      if (count === 0) {
        this.#patterns.delete(pattern)
        if (!this.#stopped.aborted) version = this.#membership.delete(key)
        continue
      }
      const entry: InterestEntry = { pattern, delivery: 'at-most-once', count, linked: linked > 0 }
      if (!this.#stopped.aborted) version = this.#membership.set(key, entry)
    }
    this.#changed.clear()
    const flush = this.#flush!
    this.#flush = undefined
    flush.resolve(version)
  }
}
