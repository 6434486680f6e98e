import type { Message } from '../../core/consensus/types.ts'
import type { Clock, Timer } from '../ports.ts'

/**
 * ms after which followers are told what is committed, unless the next entries have told them. A guess; HashiCorp's Raft
 * waits 50 (`CommitTimeout`). A write by itself costs four messages less where the next one comes sooner, and its answer
 * has nothing ahead of it. Strong reads do not wait: heartbeats tell it too.
 */
const DELAY = 5

/** What a leader has to tell its followers of its commit index alone. */
export class CommitNotices {
  readonly #clock: Clock
  readonly #send: (message: Message) => void
  /** The latest for each follower. */
  #due: Message[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, send: (message: Message) => void) {
    this.#clock = clock
    this.#send = send
  }

  add(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#drop(message.to)
      this.#due.push(message)
    }
    this.#timer ??= this.#clock.after(DELAY, () => this.flush())
  }

  /** The follower is sent another append. */
  outdate(peer: string): void {
    if (this.#due.length === 0) return
    this.#drop(peer)
    if (this.#due.length === 0) this.#rest()
  }

  flush(): void {
    this.#rest()
    for (const message of this.#due.splice(0)) this.#send(message)
  }

  stop(): void {
    this.#due = []
    this.#rest()
  }

  #drop(peer: string): void {
    const at = this.#due.findIndex(({ to }) => to === peer)
    if (at >= 0) this.#due.splice(at, 1)
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
