import { type Numbered, NumberedTable } from '../../core/delivery/numbered.ts'
import type { Clock, Timer } from '../ports.ts'

interface Awaited extends Numbered {
  /** Who has not answered. */
  readonly peers: Set<string>
  readonly heard: (peer: string, subscribers: number, left: number) => void
  readonly timer: Timer | undefined
}

/** What was asked and is still to be acknowledged. Tokens are never used twice. */
export class Acknowledgements {
  readonly #clock: Clock
  // Tokens are our own: there is nobody to keep a secret from.
  readonly #awaited = new NumberedTable<Awaited>(0)
  #serial = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `heard` is called once for each of `peers`, until the token is forgotten. */
  ask(peers: Iterable<string>, heard: Awaited['heard']): number {
    return this.#ask(++this.#serial, peers, heard, undefined)
  }

  /** Forgets the token by itself after `ms`; then `expired` is called, unless all have answered. */
  askFor(ms: number, peers: Iterable<string>, heard: Awaited['heard'], expired: () => void): number {
    const token = ++this.#serial
    const timer = this.#clock.after(ms, () => {
      this.#awaited.delete(token)
      expired()
    })
    return this.#ask(token, peers, heard, timer)
  }

  #ask(token: number, peers: Iterable<string>, heard: Awaited['heard'], timer: Timer | undefined): number {
    this.#awaited.add({ number: token, peers: new Set(peers), heard, timer })
    return token
  }

  /** Answers of nobody asked, and second answers, change nothing. */
  answer(peer: string, token: number, subscribers: number): void {
    const awaited = this.#awaited.get(token)
    if (!awaited?.peers.delete(peer)) return
    const left = awaited.peers.size
    if (left === 0) this.forget(token)
    awaited.heard(peer, subscribers, left)
  }

  /** A peer that is gone answers nothing any more: it counts as having reached nobody. */
  gone(peer: string): void {
    for (const { number } of this.#awaited.values()) this.answer(peer, number, 0)
  }

  forget(token: number): void {
    this.#awaited.get(token)?.timer?.cancel()
    this.#awaited.delete(token)
  }

  stop(): void {
    for (const { number } of this.#awaited.values()) this.forget(number)
  }
}
