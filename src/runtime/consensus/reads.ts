import type { ReadState } from '../../core/consensus/reads.ts'

interface Asked extends PromiseWithResolvers<number> {
  readonly context: number
}

/**
 * Reads that the leader has to confirm. All that come while a round of heartbeats is out are one to the machine and have
 * the next round: a leader under load makes one a round trip, not one a turn.
 */
export class ReadRequests {
  #gathering: Asked | undefined
  /** What the machine has not answered. */
  #asked: Asked | undefined
  #contexts = 0

  /** `ask` has to follow. The same promise for all that are confirmed together. */
  add(): Promise<number> {
    this.#gathering ??= { ...Promise.withResolvers<number>(), context: ++this.#contexts }
    return this.#gathering.promise
  }

  /** The context to hand in; those who come later begin another. Undefined while the machine has one, or where there is none. */
  ask(): number | undefined {
    if (this.#asked !== undefined) return undefined
    this.#asked = this.#gathering
    this.#gathering = undefined
    return this.#asked?.context
  }

  confirmed({ context, index }: ReadState): void {
    this.#take(context)?.resolve(index)
  }

  refused(context: number, error: Error): void {
    this.#take(context)?.reject(error)
  }

  stop(error: Error): void {
    this.#asked?.reject(error)
    this.#gathering?.reject(error)
    this.#asked = this.#gathering = undefined
  }

  #take(context: number): Asked | undefined {
    const asked = this.#asked
    if (asked?.context !== context) return undefined
    this.#asked = undefined
    return asked
  }
}
