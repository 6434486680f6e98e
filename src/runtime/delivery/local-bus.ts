import { attemptAll } from '../attempt-all.ts'
import type { Clock } from '../ports.ts'

/** Rounds after which one waits for the end of the turn: some 20 ms. With 4,096 the rate was halved (measured). */
const ROUNDS = 16_384

/**
 * Delivery between agents of one node: never in the sender's own call, and in the order of sending. One microtask runs
 * all that was sent meanwhile; now and then a round waits for the end of the turn, so that agents which answer each
 * other without end starve nobody.
 */
export class LocalBus {
  readonly #clock: Pick<Clock, 'endOfTurn'>
  #tasks: (() => void)[] = []
  #rounds = 0

  constructor(clock: Pick<Clock, 'endOfTurn'>) {
    this.#clock = clock
  }

  post(task: () => void): void {
    if (this.#tasks.push(task) > 1) return
    if (++this.#rounds % ROUNDS === 0) this.#clock.endOfTurn(this.#run)
    else queueMicrotask(this.#run)
  }

  readonly #run = (): void => {
    const tasks = this.#tasks
    this.#tasks = []
    attemptAll(tasks, run)
  }
}

function run(task: () => void): void {
  task()
}
