import type { Clock, Timer } from '../ports.ts'

interface Pending {
  count: number
  bytes: number
  tell: (count: number, bytes: number) => void
  timer: Timer
}

/** A flood of drops is not a flood of events: the first of a kind is told at once, the others summed up once a second. */
export class Coalescer {
  readonly #clock: Clock
  readonly #pending = new Map<string, Pending>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(key: string, bytes: number, tell: (count: number, bytes: number) => void): void {
    const pending = this.#pending.get(key)
    if (pending !== undefined) {
      pending.count++
      pending.bytes += bytes
      pending.tell = tell
      return
    }
    tell(1, bytes)
    this.#wait(key, tell)
  }

  #wait(key: string, tell: Pending['tell']): void {
    const timer = this.#clock.after(1_000, () => {
      const { count, bytes, tell } = this.#pending.get(key)!
      this.#pending.delete(key)
      if (count === 0) return
      tell(count, bytes)
      this.#wait(key, tell)
    })
    this.#pending.set(key, { count: 0, bytes: 0, tell, timer })
  }

  /** Tells what is pending and forgets all. */
  stop(): void {
    for (const { count, bytes, tell, timer } of this.#pending.values()) {
      timer.cancel()
      if (count > 0) tell(count, bytes)
    }
    this.#pending.clear()
  }
}
