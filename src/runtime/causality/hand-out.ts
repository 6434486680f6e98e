import type { Clock } from '../ports.ts'
import type { Ordered } from './ordered.ts'

type Waited = Parameters<Ordered['hand']>[0]

interface Deferred {
  readonly item: Ordered
  readonly waited: Waited
  readonly late: boolean
}

/**
 * Hands out what is in order, so that those who take it see that order too. An agent's handler begins within the call; who
 * reads a subscription goes on once this turn's code is through. So an agent's message that comes in one turn with a
 * publication, and after it, waits for the turn's end, and all that comes after that message waits behind it: also a copy
 * of it that came late, which would else be handled in its stead, before what both follow.
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
    if (!this.#defers(item)) item.hand(waited)
    else this.#defer({ item, waited, late: false }, fresh)
  }

  /** What it stands before was handed out already. */
  late(item: Ordered): void {
    if (!this.#defers(item)) item.late()
    else this.#defer({ item, waited: undefined, late: true }, true)
  }

  /** Nobody waits for the turn's end any more. */
  stop(): void {
    for (const { item, waited, late } of this.#deferred.splice(0)) {
      if (late) item.late()
      else item.hand(waited)
    }
  }

  #defers({ published }: Ordered): boolean {
    if (this.#deferred.length > 0 || (this.#read && !published)) return true
    if (published && !this.#read) {
      this.#read = true
      this.#clock.endOfTurn(this.#turn)
    }
    return false
  }

  /** Its sender's credit bounds what waits. */
  #defer(deferred: Deferred, fresh: boolean): void {
    if (fresh) deferred.item.wait(true)
    this.#deferred.push(deferred)
  }

  readonly #turn = (): void => {
    this.#read = false
    const deferred = this.#deferred
    this.#deferred = []
    for (const { item, waited, late } of deferred) {
      if (late) this.late(item)
      else this.hand(item, waited, false)
    }
  }
}
