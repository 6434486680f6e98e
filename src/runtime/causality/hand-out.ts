import type { Clock } from '../ports.ts'
import type { Ordered } from './ordered.ts'

type Waited = Parameters<Ordered['hand']>[0]

interface Deferred {
  readonly item: Ordered
  readonly waited: Waited
}

/**
 * Hands out what is in order, so that those who take it see that order too. An agent's handler begins within the call; who
 * reads a subscription goes on once this turn's code is through. So an agent's message that comes in one turn with a
 * publication, and after it, waits for the turn's end, and all that comes after that message waits behind it.
 */
export class HandOut {
  readonly #clock: Pick<Clock, 'endOfTurn'>
  /** A publication was handed out in this turn. */
  #read = false
  #deferred: Deferred[] = []

  constructor(clock: Pick<Clock, 'endOfTurn'>) {
    this.#clock = clock
  }

  /** `fresh`: it came in this very call, and would have to keep its bytes. */
  hand(item: Ordered, waited: Waited, fresh: boolean): void {
    if (this.#deferred.length > 0 || (this.#read && !item.published)) {
      // Its sender's credit bounds what waits.
      if (fresh) item.wait(true)
      this.#deferred.push({ item, waited })
      return
    }
    if (item.published && !this.#read) {
      this.#read = true
      this.#clock.endOfTurn(this.#turn)
    }
    item.hand(waited)
  }

  /** Nobody waits for the turn's end any more. */
  stop(): void {
    for (const { item, waited } of this.#deferred.splice(0)) item.hand(waited)
  }

  readonly #turn = (): void => {
    this.#read = false
    const deferred = this.#deferred
    this.#deferred = []
    for (const { item, waited } of deferred) this.hand(item, waited, false)
  }
}
