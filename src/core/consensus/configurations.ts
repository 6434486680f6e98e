import { isMember, isVoter } from './configuration.ts'
import type { Configuration, Entry } from './types.ts'

interface Dated {
  readonly index: number
  readonly configuration: Configuration
}

/**
 * The configurations that stand in a log, by index. The latest counts whether it is committed or not (thesis 4.1), so
 * what is cut off the log takes its configuration along, and the one before counts again.
 */
export class Configurations {
  /** Never empty; the first may be older than the log. */
  #dated: Dated[]

  constructor(index: number, configuration: Configuration) {
    this.#dated = [{ index, configuration }]
  }

  get current(): Configuration {
    return this.#dated.at(-1)!.configuration
  }

  /** Where the current one stands. */
  get index(): number {
    return this.#dated.at(-1)!.index
  }

  add(entry: Entry): void {
    if (entry.kind === 'configuration') this.#dated.push({ index: entry.index, configuration: entry.configuration })
  }

  cutFrom(index: number): void {
    while (this.#dated.length > 1 && this.index >= index) this.#dated.pop()
  }

  /** The one that counted when the log ended with `index`. */
  at(index: number): Configuration {
    return this.#dated.findLast((dated) => dated.index <= index)?.configuration ?? this.#dated[0]!.configuration
  }

  compact(index: number): void {
    while (this.#dated.length > 1 && this.#dated[1]!.index <= index) this.#dated.shift()
  }

  /**
   * Whether `id` votes in the last committed configuration or one after it. Whoever does not any more in the latest may
   * have to lead until that is committed: its log may be the only one that has it (thesis 4.2.2).
   */
  mayVote(id: string, commit: number): boolean {
    return this.#any(commit, (configuration) => isVoter(configuration, id))
  }

  /** Likewise whether it is a member: of what is not committed any may be cut off again, and its members speak until then. */
  knows(id: string, commit: number): boolean {
    return this.#any(commit, (configuration) => isMember(configuration, id))
  }

  /** Of the last committed one and those after it. */
  #any(commit: number, is: (configuration: Configuration) => boolean): boolean {
    return this.#dated.some(
      ({ configuration }, i) => (this.#dated[i + 1]?.index ?? Infinity) > commit && is(configuration)
    )
  }
}
