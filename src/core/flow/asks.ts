import type { Ask } from '../../../protocols/rate-limits/messages.ts'
import type { KeyedBuckets } from './keyed-buckets.ts'

interface Waiting {
  from: string
  ask: Ask
  /** Monotonic ms until which it counts: it is repeated for as long as it holds. */
  until: number
}

/** What was granted to whom. */
export interface Granted {
  to: string
  ask: Ask
  tokens: number
  remaining: number
}

/**
 * The owner's side of a shared limit: asks wait for each key in their order, one a node, and each gets whole requests'
 * worth, so that nothing is leased that could not be used. A node that is served goes to the end of the line.
 */
export class Asks {
  readonly #buckets: KeyedBuckets
  /** By key; none is empty. */
  readonly #waiting = new Map<string, Waiting[]>()
  readonly #keysPerPeer: number
  readonly #keys = new Map<string, number>()

  constructor(buckets: KeyedBuckets, keysPerPeer: number) {
    this.#buckets = buckets
    this.#keysPerPeer = keysPerPeer
  }

  /** Answered at once where it need not or cannot wait. One without needs takes the former back. */
  add(from: string, ask: Ask, until: number): Granted | undefined {
    const { key, needs, patient } = ask
    const former = this.#waiting.get(key)?.find((waiting) => waiting.from === from)
    if (former !== undefined && patient && needs.length > 0) {
      former.ask = ask
      former.until = until
      return undefined
    }
    if (former !== undefined) this.remove(from, key)
    if (needs.length === 0) return undefined
    const line = this.#waiting.get(key)
    const granted = line === undefined ? this.#grant(from, ask, 1) : undefined
    if (granted !== undefined) return granted
    const keys = this.#keys.get(from) ?? 0
    if (!patient || keys >= this.#keysPerPeer) return { to: from, ask, tokens: 0, remaining: this.#remaining(key) }
    this.#keys.set(from, keys + 1)
    if (line === undefined) this.#waiting.set(key, [{ from, ask, until }])
    else line.push({ from, ask, until })
    return undefined
  }

  remove(from: string, key: string): void {
    const line = this.#waiting.get(key)
    const at = line?.findIndex((waiting) => waiting.from === from) ?? -1
    if (line !== undefined && at >= 0) this.#take(key, line, at)
  }

  /** Serves what waits for the key as far as there are tokens. */
  *serve(key: string, now: number): Iterable<Granted> {
    for (let line = this.#waiting.get(key); line !== undefined; line = this.#waiting.get(key)) {
      const { from, ask, until } = line[0]!
      if (until <= now) {
        this.#take(key, line, 0)
        continue
      }
      const granted = this.#grant(from, ask, line.length)
      if (granted === undefined) return
      this.#take(key, line, 0)
      yield granted
    }
  }

  keys(): Iterable<string> {
    return this.#waiting.keys()
  }

  /** ms until somebody can be served for the key; Infinity where nobody waits or the share is too small. */
  wait(key: string): number {
    const first = this.#waiting.get(key)?.[0]
    return first === undefined ? Number.POSITIVE_INFINITY : this.#buckets.wait(key, first.ask.needs[0]!)
  }

  #grant(to: string, ask: Ask, askers: number): Granted | undefined {
    const { key, needs, ahead } = ask
    let tokens = 0
    for (const need of needs) {
      if (!this.#buckets.take(key, need)) break
      tokens += need
    }
    if (tokens === 0) return undefined
    // Ahead of need only what nobody waits for, and never more than half of it.
    const spare = askers > 1 ? 0 : Math.min(ahead, Math.floor(this.#remaining(key) / 2))
    if (spare > 0 && this.#buckets.take(key, spare)) tokens += spare
    return { to, ask, tokens, remaining: this.#remaining(key) }
  }

  #remaining(key: string): number {
    return Math.floor(this.#buckets.level(key) + 1e-6)
  }

  #take(key: string, line: Waiting[], at: number): void {
    const [{ from }] = line.splice(at, 1) as [Waiting]
    const keys = this.#keys.get(from)! - 1
    if (keys === 0) this.#keys.delete(from)
    else this.#keys.set(from, keys)
    if (line.length === 0) this.#waiting.delete(key)
  }
}
