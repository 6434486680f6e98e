import type { InterestEntry } from '../../core/pubsub/interest.ts'
import type { Membership } from '../membership/types.ts'
import type { Clock } from '../ports.ts'
import { numberOf, SUBSCRIPTION_PREFIX } from './interest.ts'

/** What one entry stands for. */
interface Wish {
  pattern: string
  delivery: InterestEntry['delivery']
  linked: boolean
}

interface Announced {
  key: string
  wish: Wish
  count: number
  linked: number
}

/** Tells the mesh which patterns are wanted here: one entry a pattern and delivery, and one change a turn however many subscriptions come. */
export class Announcer {
  readonly #membership: Membership
  readonly #clock: Clock
  readonly #stopped: AbortSignal
  readonly #announced = new Map<string, Announced>()
  readonly #changed = new Set<string>()
  #serial = 0
  #flush: PromiseWithResolvers<number> | undefined

  constructor(membership: Membership, clock: Clock, stopped: AbortSignal) {
    this.#membership = membership
    this.#clock = clock
    this.#stopped = stopped
  }

  /** Resolves once every live member knows that the pattern is wanted here. */
  async add(wish: Wish, signal: AbortSignal): Promise<void> {
    const name = nameOf(wish)
    let announced = this.#announced.get(name)
    if (announced === undefined) {
      announced = { key: SUBSCRIPTION_PREFIX + (this.#serial++).toString(36), wish, count: 0, linked: 0 }
      this.#announced.set(name, announced)
    }
    announced.count++
    if (wish.linked) announced.linked++
    this.#changed.add(name)
    const version = await this.#schedule()
    await this.#membership.announced(version, { signal: AbortSignal.any([signal, this.#stopped]) })
    signal.throwIfAborted()
    this.#stopped.throwIfAborted()
  }

  /** The number under which it is announced. */
  number(wish: Wish): number {
    return numberOf(this.#announced.get(nameOf(wish))!.key)
  }

  remove(wish: Wish): void {
    const name = nameOf(wish)
    const announced = this.#announced.get(name)
    if (announced === undefined) return
    announced.count--
    if (wish.linked) announced.linked--
    this.#changed.add(name)
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
    for (const name of this.#changed) {
      const { key, wish, count, linked } = this.#announced.get(name)!
      if (count === 0) {
        this.#announced.delete(name)
        if (!this.#stopped.aborted) version = this.#membership.delete(key)
        continue
      }
      const { pattern, delivery } = wish
      const entry: InterestEntry = { pattern, delivery, count, linked: linked > 0 }
      if (!this.#stopped.aborted) version = this.#membership.set(key, entry)
    }
    this.#changed.clear()
    const flush = this.#flush!
    this.#flush = undefined
    flush.resolve(version)
  }
}

function nameOf({ pattern, delivery }: Wish): string {
  return `${delivery} ${pattern}`
}
