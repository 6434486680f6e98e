import type { ReadState } from '../../core/consensus/reads.ts'

interface Asked extends PromiseWithResolvers<number> {
  readonly context: number
}

/** Reads that the leader has to confirm. All of a turn are one to the machine. */
export class ReadRequests {
  #gathering: Asked | undefined
  #asked: Asked[] = []
  #contexts = 0

  /** `ask` has to follow. */
  add(): Promise<number> {
    this.#gathering ??= { ...Promise.withResolvers<number>(), context: ++this.#contexts }
    return this.#gathering.promise
  }

  /** The context to hand in; those who come later begin another. */
  ask(): number | undefined {
    const asked = this.#gathering
    if (asked === undefined) return undefined
    this.#gathering = undefined
    this.#asked.push(asked)
    return asked.context
  }

  confirmed({ context, index }: ReadState): void {
    this.#take(context)?.resolve(index)
  }

  refused(context: number, error: Error): void {
    this.#take(context)?.reject(error)
  }

  stop(error: Error): void {
    this.ask()
    for (const asked of this.#asked.splice(0)) asked.reject(error)
  }

  #take(context: number): Asked | undefined {
    const at = this.#asked.findIndex((asked) => asked.context === context)
    return at < 0 ? undefined : this.#asked.splice(at, 1)[0]
  }
}
