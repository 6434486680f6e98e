import { MeshError } from '../errors.ts'

export type Comparison = 'before' | 'after' | 'equal' | 'concurrent'

/**
 * A vector clock: for each producer the number of its last event that is known of. A value: no method changes it, and
 * a producer that is absent counts as 0, which is never stored.
 *
 * Clocks are a lattice under `merge`, ordered by `compare` (Mattern 1988, "Virtual Time and Global States").
 *
 * @example
 * const mine = vectorClock().tick('a')
 * const yours = mine.tick('b')
 * mine.compare(yours)                        // 'before'
 * mine.tick('a').compare(yours)              // 'concurrent'
 * mine.tick('a').merge(yours).toRecord()     // { a: 2, b: 1 }
 */
export class VectorClock {
  readonly #counters: ReadonlyMap<string, number>

  /** Use `vectorClock`, which checks. */
  constructor(counters: ReadonlyMap<string, number>) {
    this.#counters = counters
  }

  /** Producers counted. */
  get size(): number {
    return this.#counters.size
  }

  get(producer: string): number {
    return this.#counters.get(producer) ?? 0
  }

  /** The clock after one more event of `producer`. Throws `ERR_LIMIT` past 2^53 - 1 events. */
  tick(producer: string): VectorClock {
    const next = this.get(producer) + 1
    if (!Number.isSafeInteger(next)) throw new MeshError('ERR_LIMIT', `the counter of ${producer} is at its end`)
    return new VectorClock(new Map(this.#counters).set(producer, next))
  }

  /** The least clock that is not before either: what is known after both were seen. */
  merge(other: VectorClock): VectorClock {
    if (this === other || other.size === 0) return this
    const counters = new Map(this.#counters)
    for (const [producer, counter] of other.#counters) {
      if (counter > this.get(producer)) counters.set(producer, counter)
    }
    return new VectorClock(counters)
  }

  /** How this clock stands to `other`: `'before'` where everything known here is known there, and more. */
  compare(other: VectorClock): Comparison {
    const less = !this.#covers(other)
    const more = !other.#covers(this)
    if (less) return more ? 'concurrent' : 'before'
    return more ? 'after' : 'equal'
  }

  #covers(other: VectorClock): boolean {
    for (const [producer, counter] of other.#counters) if (counter > this.get(producer)) return false
    return true
  }

  /**
   * Only the producers that `keep` approves of. A pruned clock knows less: comparing it with one that was not pruned
   * can call `'before'` or `'concurrent'` what was `'after'`, so prune producers that no message under way names.
   */
  prune(keep: (producer: string, counter: number) => boolean): VectorClock {
    return new VectorClock(new Map([...this.#counters].filter(([producer, counter]) => keep(producer, counter))))
  }

  /** What a message carries as `causality.clock`. */
  toRecord(): Record<string, number> {
    return Object.fromEntries(this.#counters)
  }

  toJSON(): Record<string, number> {
    return this.toRecord()
  }
}

/** The clock that a message carries; an empty one by default. Throws `ERR_INVALID_MESSAGE` for what counts nothing. */
export function vectorClock(record: Readonly<Record<string, number>> = {}): VectorClock {
  const counters = new Map<string, number>()
  for (const [producer, counter] of Object.entries(record)) {
    if (!Number.isSafeInteger(counter) || counter < 0) {
      throw new MeshError('ERR_INVALID_MESSAGE', `${producer} counts ${counter}, which is no count of events`, {
        details: { attribute: 'causality', producer }
      })
    }
    if (counter > 0) counters.set(producer, counter)
  }
  return new VectorClock(counters)
}
