import { MeshError } from '../../../protocols/errors.ts'
import type { Enlisted } from '../../core/delivery/roster.ts'
import type { Clock, Timer } from '../ports.ts'
import type { Evidence } from './types.ts'

/** One publication that waits for its evidence: which nodes have said how many subscriptions it reached there. */
export class Reach implements Enlisted {
  place = -1
  readonly evidence: Evidence
  readonly settled = Promise.withResolvers<Evidence>()
  /** What it is to fail with when its time is over. */
  late: 'ERR_TIMEOUT' | 'ERR_NO_QUORUM' = 'ERR_TIMEOUT'
  readonly #wanted: number
  readonly #clock: Clock
  readonly #grace: number
  #left = 0
  #timer: Timer | undefined

  constructor(id: string, topic: string, wanted: number, clock: Clock, grace: number) {
    this.evidence = { id, topic, path: 'local', subscribers: 0, peers: [], acknowledged: true }
    this.#wanted = wanted
    this.#clock = clock
    this.#grace = grace
    // It may fail before anybody waits for it.
    this.settled.promise.catch(() => {})
  }

  get met(): boolean {
    return this.evidence.subscribers >= this.#wanted
  }

  /** It was handed over: to `local` subscriptions here, and to `asked` other nodes, which are to answer. */
  sent(self: string, local: number, path: Evidence['path'], asked: number): void {
    this.evidence.path = path
    this.#left = asked
    if (local > 0) this.#add(self, local)
    this.#judge()
  }

  heard(peer: string, subscribers: number, left: number): void {
    this.#left = left
    if (subscribers > 0) this.#add(peer, subscribers)
    this.#judge()
  }

  #add(peer: string, subscribers: number): void {
    this.evidence.subscribers += subscribers
    const known = this.evidence.peers.find((other) => other.peer === peer)
    if (known === undefined) this.evidence.peers.push({ peer, subscribers })
    else known.subscribers += subscribers
  }

  /** Once enough are reached the others have a moment more, so that the evidence is as full as it can be had. */
  #judge(): void {
    if (this.#left === 0 && this.met) this.settled.resolve(this.evidence)
    else if (this.#left === 0) {
      this.fail(
        'ERR_NO_RESPONDERS',
        `${this.evidence.topic} reached ${this.evidence.subscribers} of ${this.#wanted} subscriptions`
      )
    } else if (this.met) this.#timer ??= this.#clock.after(this.#grace, () => this.settled.resolve(this.evidence))
  }

  fail(
    code: 'ERR_NO_RESPONDERS' | 'ERR_TIMEOUT' | 'ERR_NO_QUORUM' | 'ERR_ABORTED' | 'ERR_STOPPED',
    message: string,
    cause?: unknown
  ): void {
    this.settled.reject(new MeshError(code, message, { cause, details: { evidence: this.evidence } }))
  }

  end(): void {
    this.#timer?.cancel()
  }
}
