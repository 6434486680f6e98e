/**
 * What was computed for a topic, while nothing that it was computed from has changed. Holds at most `limit` topics; the
 * one computed longest ago goes first.
 */
export class TopicCache<T> {
  readonly #entries = new Map<string, { generation: number; value: T }>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  get(topic: string, generation: number): T | undefined {
    const entry = this.#entries.get(topic)
    return entry !== undefined && entry.generation === generation ? entry.value : undefined
  }

  /** What was last known, however old. */
  stale(topic: string): T | undefined {
    return this.#entries.get(topic)?.value
  }

  set(topic: string, generation: number, value: T): T {
    this.#entries.delete(topic)
    if (this.#entries.size >= this.#limit) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest)
        break
      }
    }
    this.#entries.set(topic, { generation, value })
    return value
  }
}
