import type { Clock, Timer } from '../ports.ts'

interface Awaited {
  peers: ReadonlySet<string>
  answered: Map<string, number>
  heard: (peer: string, subscribers: number, left: number) => void
  timer: Timer
}

/** What was asked and is still to be acknowledged. Tokens are never used twice; each is bounded in time. */
export class Acknowledgements {
  readonly #clock: Clock
  readonly #awaited = new Map<number, Awaited>()
  #serial = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `heard` is called once for each of `peers`; `expired` if some have not answered after `ms`. */
  ask(peers: Iterable<string>, ms: number, heard: Awaited['heard'], expired: () => void): number {
    const token = ++this.#serial
    const timer = this.#clock.after(ms, () => {
      this.#awaited.delete(token)
      expired()
    })
    this.#awaited.set(token, { peers: new Set(peers), answered: new Map(), heard, timer })
    return token
  }

  /** Answers of nobody asked, and second answers, change nothing. */
  answer(peer: string, token: number, subscribers: number): void {
    const awaited = this.#awaited.get(token)
    if (awaited === undefined || !awaited.peers.has(peer) || awaited.answered.has(peer)) return
    awaited.answered.set(peer, subscribers)
    const left = awaited.peers.size - awaited.answered.size
    if (left === 0) this.forget(token)
    awaited.heard(peer, subscribers, left)
  }

  /** A peer that is gone answers nothing any more: it counts as having reached nobody. */
  gone(peer: string): void {
    for (const token of [...this.#awaited.keys()]) this.answer(peer, token, 0)
  }

  forget(token: number): void {
    this.#awaited.get(token)?.timer.cancel()
    this.#awaited.delete(token)
  }

  stop(): void {
    for (const token of [...this.#awaited.keys()]) this.forget(token)
  }
}
