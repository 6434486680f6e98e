import { attemptAll } from '../attempt-all.ts'
import type { Clock } from '../ports.ts'

/** ms of rounds after which one waits for the end of the turn: timers and links are no later than that. A guess. */
const TURN = 20
/** Likewise rounds, for a clock that stands still meanwhile. With 4,096 the rate was halved (measured). */
const ROUNDS = 16_384
/** What runs between two looks at the clock. */
const LOOK = 64

/**
 * Delivery between agents of one node: never in the sender's own call, and in the order of sending. One microtask runs
 * all that was sent meanwhile; now and then a round waits for the end of the turn, so that agents which answer each
 * other without end starve nobody, nor make the node take itself for overloaded.
 */
export class LocalBus {
  readonly #clock: Pick<Clock, 'endOfTurn' | 'monotonic'>
  #tasks: (() => void)[] = []
  #rounds = 0
  /** Run since the clock was looked at. */
  #ran = 0
  /** Monotonic ms when a round last waited for the end of the turn. */
  #since = 0

  constructor(clock: Pick<Clock, 'endOfTurn' | 'monotonic'>) {
    this.#clock = clock
  }

  post(task: () => void): void {
    if (this.#tasks.push(task) > 1) return
    if (++this.#rounds >= ROUNDS || this.#late()) this.#yield()
    else queueMicrotask(this.#run)
  }

  #late(): boolean {
    if (this.#ran < LOOK) return false
    this.#ran = 0
    return this.#clock.monotonic() - this.#since >= TURN
  }

  #yield(): void {
    this.#rounds = 0
    this.#since = this.#clock.monotonic()
    this.#clock.endOfTurn(this.#run)
  }

  readonly #run = (): void => {
    const tasks = this.#tasks
    this.#tasks = []
    this.#ran += tasks.length
    attemptAll(tasks, run)
  }
}

function run(task: () => void): void {
  task()
}
