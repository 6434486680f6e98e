/** What was learned, for a while: at most `capacity` entries, the oldest go first. Times are monotonic ms. */
export class ExpiringCache<Value> {
  readonly #capacity: number
  readonly #entries = new Map<string, { value: Value; until: number }>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.until > now) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: string, value: Value, until: number): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, until })
    if (this.#entries.size <= this.#capacity) return
    const [oldest] = this.#entries.keys()
    this.#entries.delete(oldest!)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}
