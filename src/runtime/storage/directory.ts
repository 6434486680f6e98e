const INITIAL = 1_024

/**
 * Which keys there are and where their values stand (Sheehy & Smith, "Bitcask: A Log-Structured Hash Table for Fast
 * Key/Value Data", 2010: the keydir). A million keys must not be a million objects: what is known of a key stands in
 * columns, at the slot that a map gives its name.
 */
export class Directory {
  readonly #slots = new Map<string, number>()
  readonly #free: number[] = []
  #used = 0
  /** Number of the segment. */
  segment = new Uint32Array(INITIAL)
  /** Where the record begins in it. */
  record = new Uint32Array(INITIAL)
  /** Bytes of the record's payload. */
  length = new Uint32Array(INITIAL)
  /** Where the value begins in the payload. */
  offset = new Uint32Array(INITIAL)
  /** Bytes of the value. */
  size = new Uint32Array(INITIAL)
  version = new Float64Array(INITIAL)

  get keys(): number {
    return this.#slots.size
  }

  find(key: string): number | undefined {
    return this.#slots.get(key)
  }

  /** The key's slot; a new one's columns hold what another left there. */
  claim(key: string): number {
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const slot = this.#free.pop() ?? this.#used++
    if (slot >= this.version.length) this.#grow()
    this.#slots.set(key, slot)
    return slot
  }

  remove(key: string, slot: number): void {
    this.#slots.delete(key)
    this.#free.push(slot)
  }

  entries(): IterableIterator<[key: string, slot: number]> {
    return this.#slots.entries()
  }

  #grow(): void {
    const size = 2 * this.version.length
    this.segment = widened(this.segment, size)
    this.record = widened(this.record, size)
    this.length = widened(this.length, size)
    this.offset = widened(this.offset, size)
    this.size = widened(this.size, size)
    const version = new Float64Array(size)
    version.set(this.version)
    this.version = version
  }
}

function widened(column: Uint32Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> {
  const wider = new Uint32Array(size)
  wider.set(column)
  return wider
}
