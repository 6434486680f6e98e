import { type RateDefinition, TokenBucket } from './token-bucket.ts'

/** Buckets looked at for one that can go, when a new key comes and there is no room. */
const LOOKED_AT = 16

/**
 * The buckets of one definition, one for each key, of which `share` (0 to 1) is here: they refill at that share of the
 * rate and hold that share of the capacity. A key that never came is like one that nobody took from, so a bucket can go
 * as soon as it holds what such a one would, and going never gives more. While none can go, a new key has no tokens.
 *
 * Invariant: no bucket holds more than `share · (capacity + burst)`, at any time: what a loss of share cuts off is lost.
 */
export class KeyedBuckets {
  readonly #definition: RateDefinition
  readonly #most: number
  /** Least recently used first. */
  readonly #buckets = new Map<string, TokenBucket>()
  /** What a bucket holds that nobody took from. */
  readonly #untouched = new TokenBucket(0, 0)
  #share = 0
  #inflow = 0
  #now: number

  /** `keys`: buckets held at most. */
  constructor(definition: RateDefinition, keys: number, now: number) {
    this.#definition = definition
    this.#most = keys
    this.#now = now
  }

  get size(): number {
    return this.#buckets.size
  }

  get share(): number {
    return this.#share
  }

  /** Tokens that a bucket may hold now. */
  get #full(): number {
    const { capacity, burst } = this.#definition
    return this.#share * (capacity + burst)
  }

  /** `now` never goes back. */
  advance(now: number): void {
    this.#inflow += (this.#share * this.#definition.refillRate * (now - this.#now)) / 1_000
    this.#now = now
  }

  /** Another share from now on. What has come with it, `poured`, is a part of a capacity that nobody ever drew on. */
  reshare(share: number, poured = 0): void {
    // By the former share first: a gain holds for the time to come, and a loss is cut off by whoever looks next, or here.
    for (const bucket of this.#all()) bucket.level(this.#inflow, this.#full)
    this.#share = share
    if (poured === 0) return
    for (const bucket of this.#all()) bucket.pour(poured * this.#definition.capacity, this.#inflow, this.#full)
  }

  *#all(): Iterable<TokenBucket> {
    yield this.#untouched
    yield* this.#buckets.values()
  }

  level(key: string): number {
    const bucket = this.#buckets.get(key) ?? this.#untouched
    return bucket.level(this.#inflow, this.#full)
  }

  take(key: string, tokens: number): boolean {
    const bucket = this.#bucket(key)
    return bucket?.take(tokens, this.#inflow, this.#full) === true
  }

  /** Whether the key has a bucket, or may have one now. */
  admits(key: string): boolean {
    return this.#buckets.has(key) || this.#buckets.size < this.#most || this.#evict()
  }

  /** ms until so many can be taken; Infinity where the share does not allow it. */
  wait(key: string, tokens: number): number {
    const missing = tokens - this.level(key)
    if (missing <= 0) return 0
    if (tokens > this.#full * (1 + 1e-9)) return Number.POSITIVE_INFINITY
    return (missing / (this.#share * this.#definition.refillRate)) * 1_000
  }

  #bucket(key: string): TokenBucket | undefined {
    const known = this.#buckets.get(key)
    if (known !== undefined) {
      this.#buckets.delete(key)
      this.#buckets.set(key, known)
      return known
    }
    if (this.#buckets.size >= this.#most && !this.#evict()) return undefined
    const fresh = new TokenBucket(this.#untouched.level(this.#inflow, this.#full), this.#inflow)
    this.#buckets.set(key, fresh)
    return fresh
  }

  #evict(): boolean {
    const untouched = this.#untouched.level(this.#inflow, this.#full)
    let left = LOOKED_AT
    for (const [key, bucket] of this.#buckets) {
      if (bucket.level(this.#inflow, this.#full) >= untouched) return this.#buckets.delete(key)
      if (--left === 0) break
    }
    return false
  }
}
