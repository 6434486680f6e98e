import { attemptAll } from '../attempt-all.ts'
import type { Clock } from '../ports.ts'
import { release } from '../release.ts'

export interface Flushable {
  flush(): void
}

/**
 * When batches leave. The first flush a link asks for in a turn of the event loop comes right after the code that is
 * running (a lone message leaves at once); what it sends later in the same turn leaves together at the turn's end.
 */
export class Turn {
  readonly #clock: Clock
  #due: Flushable[] = []
  readonly #spent: Uint8Array[] = []
  #armed = false
  /** Rises with every turn in which something was sent. */
  number = 0

  #wall = 0
  #monotonic = 0
  #readIn = -1
  #reads = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * The time, read anew in each turn and after every 16 questions: two clocks for each message were a tenth of the cost
   * of sending it (measured).
   */
  get wall(): number {
    this.#read()
    return this.#wall
  }

  get monotonic(): number {
    this.#read()
    return this.#monotonic
  }

  #read(): void {
    if (this.#readIn === this.number && this.#armed && this.#reads++ < 16) return
    this.#readIn = this.number
    this.#reads = 0
    this.#wall = this.#clock.now()
    this.#monotonic = this.#clock.monotonic()
  }

  /** `lastFlush` is the turn in which the link flushed last. */
  schedule(link: Flushable, lastFlush: number): void {
    // A flush of which no turn was told (a stream that opened, say) is no reason to wait.
    const first = !this.#armed
    if (first) {
      this.#armed = true
      this.#clock.endOfTurn(this.#end)
    }
    if (!first && lastFlush === this.number) this.#due.push(link)
    else queueMicrotask(() => link.flush())
  }

  /** Gives their memory back at the end of the turn, when nothing that runs now can be about to read it. */
  release(slabs: readonly Uint8Array[]): void {
    this.#spent.push(...slabs)
    if (this.#armed) return
    this.#armed = true
    this.#clock.endOfTurn(this.#end)
  }

  readonly #end = (): void => {
    this.#armed = false
    this.number++
    if (this.#spent.length > 0) this.#spent.splice(0).forEach(release)
    const due = this.#due
    if (due.length === 0) return
    this.#due = []
    attemptAll(due, flush)
  }
}

function flush(link: Flushable): void {
  link.flush()
}
