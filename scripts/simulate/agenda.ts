import { EventQueue } from '../../src/testing/event-queue.ts'

/** What is to happen when, in virtual ms, where machines are played without nodes: in order, what falls together in that of planning. */
export class Agenda {
  now = 0
  readonly #queue = new EventQueue()
  #planned = 0

  at(at: number, run: () => void): void {
    this.#queue.push({ at, order: this.#planned++, run })
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run)
  }

  run(ms: number): void {
    const end = this.now + ms
    for (let next = this.#queue.peek(); next !== undefined && next.at <= end; next = this.#queue.peek()) {
      this.#queue.pop()
      this.now = next.at
      next.run?.()
    }
    this.now = end
  }
}
