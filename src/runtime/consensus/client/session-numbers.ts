import { SESSION_WINDOW as WINDOW } from '../../../core/replicated/session.ts'

/** The numbers of one session: which may be given, and which is the least whose outcome is still waited for. */
export class SessionNumbers {
  /** Index of the entry that opened it. */
  readonly session: number
  #next = 1
  #oldest = 1
  /** By number modulo the window: whether a number from the oldest on was settled. */
  readonly #settled: boolean[] = new Array(WINDOW).fill(false)

  constructor(session: number) {
    this.session = session
  }

  get oldest(): number {
    return this.#oldest
  }

  /** Undefined while the window is full. */
  take(): number | undefined {
    return this.#next - this.#oldest < WINDOW ? this.#next++ : undefined
  }

  /** Nobody waits for it any more, whether it is known what became of it or not. */
  settle(number: number): void {
    this.#settled[number % WINDOW] = true
    for (let at = this.#oldest % WINDOW; this.#settled[at]; at = this.#oldest % WINDOW) {
      this.#settled[at] = false
      this.#oldest++
    }
  }
}
