import { attemptAll } from '../attempt-all.ts'

/**
 * Delivery between agents of one node: never in the sender's own call, and in the order of sending. One microtask runs
 * all that was sent meanwhile.
 */
export class LocalBus {
  #tasks: (() => void)[] = []

  post(task: () => void): void {
    if (this.#tasks.push(task) === 1) queueMicrotask(this.#run)
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
