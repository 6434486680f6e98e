import { sizeOf } from '../../core/consensus/log.ts'
import type { Entry, Snapshot } from '../../core/consensus/types.ts'
import type { Clock } from '../ports.ts'
import { AppliedWaiters } from './applied-waiters.ts'
import { Followers } from './followers.ts'
import { History } from './history.ts'
import type { Proposals } from './proposals.ts'
import type { Applied, Replicated } from './types.ts'

export interface ApplierParts {
  readonly clock: Clock
  readonly state: Replicated
  readonly proposals: Proposals
  /** Index of the snapshot that the state machine begins with. */
  readonly index: number
  /** The latest snapshot that the state machine has or had. */
  latest(): Snapshot
}

/** The state machine, and all who wait for what is applied to it. */
export class Applier {
  readonly history: History
  readonly waiters: AppliedWaiters
  readonly followers: Followers
  /** What the state machine has. */
  index: number
  readonly #parts: ApplierParts

  constructor(parts: ApplierParts) {
    const { clock, index, latest } = parts
    this.#parts = parts
    this.index = index
    this.history = new History(index + 1)
    this.waiters = new AppliedWaiters(clock)
    this.followers = new Followers({ clock, history: this.history, snapshot: latest })
  }

  /** All of a batch; on disk already. */
  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.index) continue
      this.history.add(sizeOf(entry), entry.kind === 'command' ? this.#command(entry, entry.data) : undefined)
      this.index = entry.index
    }
    this.#parts.proposals.settle()
    this.#advanced()
  }

  #command({ index, term }: Entry, data: Uint8Array): Applied | undefined {
    const { state, proposals } = this.#parts
    const outcome = state.apply(data, { index, term })
    proposals.applied(index, term, outcome)
    const { applied } = state
    return applied && { index, term, part: applied.part, body: applied.body, outcome }
  }

  /** A leader's snapshot has taken the place of all. Throws `ERR_CORRUPT`. */
  restore({ index, data }: Snapshot): void {
    this.#parts.state.restore(data)
    this.history.restart(index + 1)
    this.index = index
  }

  /** Those who wait for what was restored are told once the snapshot counts as the latest. */
  restored(): void {
    this.#advanced()
  }

  #advanced(): void {
    this.waiters.reached(this.index)
    this.followers.wake()
  }

  stop(error: Error): void {
    this.waiters.stop(error)
    this.followers.stop()
  }
}
