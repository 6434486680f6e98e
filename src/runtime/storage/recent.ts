/** A guess: state that a handler reads for every message is small, or not worth its memory. */
const VALUE_BYTES = 4_096
/** Bytes of all values kept, without their keys. A guess. */
const MOST_BYTES = 8_388_608

/** The values that were asked for last, as they are on disk: a handler's state is read for every message. */
export class RecentValues {
  /** Oldest use first. */
  readonly #values = new Map<string, Uint8Array>()
  #bytes = 0

  get(key: string): Uint8Array | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  add(key: string, value: Uint8Array): void {
    this.#remove(key)
    if (value.length > VALUE_BYTES) return
    this.#values.set(key, value)
    this.#bytes += value.length
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= MOST_BYTES) break
      this.#remove(oldest)
    }
  }

  /** The key has another value now; nobody has asked for it yet. */
  update(key: string, value: Uint8Array | undefined): void {
    if (this.#values.size === 0 || !this.#values.has(key)) return
    if (value === undefined) this.#remove(key)
    else this.add(key, value)
  }

  #remove(key: string): void {
    this.#bytes -= this.#values.get(key)?.length ?? 0
    this.#values.delete(key)
  }
}
