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
  /** Where what was read is stored → its version at the first read: taken before it, so that no change is missed, or with it. */
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
    const home = this.#home
    const place = this.#space.place(key)
    if (home.ordered) {
      this.#note(place, home.version(place))
      return this.#early ? this.#space.peek(key) : this.#space.get(key)
    }
    const { value, version } = await this.#space.read(place, home)
    this.#found(place, version)
    return value
  }

  async *entries(): AsyncGenerator<readonly [key: string, value: Payload]> {
    const home = this.#home
    const { prefix } = this.#space
    if (home.ordered) {
      this.#note(prefix, home.version(prefix))
      for await (const key of this.#space.keys(home)) {
        const value = await this.get(key)
        if (home.version(this.#space.place(key)) !== 0) yield [key, value]
      }
      return
    }
    const { version: keys, values } = await this.#space.list(home)
    this.#found(prefix, keys)
    for (const { place, key, value, version } of values) {
      this.#found(place, version)
      yield [key, value]
    }
  }

  /** Throws what can be known at once; see `Home.store`. */
  commit(changes: readonly StateChange[], inbound: Inbound | undefined): Promise<void> {
    const home = this.#home
    return home.store(this.#reads, this.#space.encode(changes, home.ordered ? home : this), inbound)
  }

  /** Of what was read. */
  version(place: string): number | undefined {
    return this.#reads.get(place)
  }

  /** What was read counts no longer: it is read anew. */
  reset(): void {
    this.#reads.clear()
  }

  #note(place: string, version: number): void {
    if (!this.#reads.has(place)) this.#reads.set(place, version)
  }

  /** It came with what was read; what is read twice and has changed in between must not be taken for what it was. */
  #found(place: string, version: number): void {
    const known = this.#reads.get(place)
    this.#reads.set(place, known === undefined || known === version ? version : CHANGED)
  }
}

/** No key ever has it. */
const CHANGED = Number.MAX_SAFE_INTEGER
