import type { Payload } from '../../protocols/envelope/message.ts'
import type { Inbound } from '../runtime/delivery/inbound.ts'
import type { StateSpace } from './state.ts'
import type { StateHome } from './state-home.ts'
import type { AgentState, StateChange } from './types.ts'

/**
 * The state as one handler reads it, and what it has read: at its commit all of that must be as it was (Kung and Robinson,
 * "On Optimistic Methods for Concurrency Control", 1981). The first of two who read the same wins, so one always does.
 */
export class Transaction implements AgentState {
  readonly #space: StateSpace
  readonly #home: StateHome
  readonly #early: boolean
  /** Where what was read is stored → its version at the first read; before the read, so that no change is missed. */
  readonly #reads = new Map<string, number>()

  /**
   * `home`: where the state is changed, if that is more than the space's own. `early`: what is on its way to disk is read
   * too, since the commit fails with it; a reply would not.
   */
  constructor(space: StateSpace, home: StateHome = space.home, early = true) {
    this.#space = space
    this.#home = home
    this.#early = early
  }

  /** What is committed is seen by readers at once. */
  get ordered(): boolean {
    return this.#home.ordered
  }

  async get(key: string): Promise<Payload | undefined> {
    this.#note(this.#space.place(key))
    return this.#early ? this.#space.peek(key) : this.#space.get(key)
  }

  async *entries(): AsyncGenerator<readonly [key: string, value: Payload]> {
    this.#note(this.#space.prefix)
    for await (const key of this.#space.keys()) {
      const value = await this.get(key)
      if (this.#space.has(key)) yield [key, value]
    }
  }

  /** Throws what can be known at once; see `StateHome.store`. */
  commit(changes: readonly StateChange[], inbound: Inbound | undefined): Promise<void> {
    return this.#home.store(this.#reads, this.#space.encode(changes), inbound)
  }

  /** What was read counts no longer: it is read anew. */
  reset(): void {
    this.#reads.clear()
  }

  #note(place: string): void {
    if (!this.#reads.has(place)) this.#reads.set(place, this.#home.version(place))
  }
}
