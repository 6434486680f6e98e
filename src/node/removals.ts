import type { Clock, Timer } from '../runtime/ports.ts'
import type { Change, Store } from '../runtime/storage/types.ts'

/** ms that a settled message's record may stay on disk though nothing else is written. A guess. */
const LINGER = 1_000

/**
 * Takes the records of settled messages off the disk: those settled together leave together, with the next write that
 * somebody waits for, or by themselves soon after. What a crash brings back is sent again and recognised; so long as nothing
 * is written that must not be put off, or its time would be up by then, and it a dead letter although it was delivered.
 */
export class Removals {
  readonly #store: () => Store
  readonly #clock: Clock
  #changes: Change[] = []
  #timer: Timer | undefined

  constructor(store: () => Store, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** `named`: what is to be remembered of its sender's own id. */
  add(record: string, named: readonly Change[] | undefined): void {
    if (this.#changes.length === 0) queueMicrotask(this.#removeAll)
    this.#changes.push({ key: record, value: undefined })
    if (named !== undefined) this.#changes.push(...named)
  }

  /** What is left goes to disk as the store is closed. */
  stop(): void {
    this.#timer?.cancel()
  }

  readonly #removeAll = (): void => {
    const changes = this.#changes
    this.#changes = []
    this.#store().writeLater(changes)
    this.#timer ??= this.#clock.after(LINGER, this.#sync)
  }

  readonly #sync = (): void => {
    this.#timer = undefined
    // Where that fails the next life sends them again.
    this.#store()
      .sync()
      .catch(() => {})
  }
}
