import { MeshError } from '../../../protocols/errors.ts'

/**
 * What a link's credit and queue are between two nodes, between the agents of one: at-most-once messages that were sent and
 * have neither been handled nor found room in a queue of their receiver. Up to a quarter of them a sender goes on at once,
 * beyond that it is slowed where it awaits its sends, and one that never awaits is told in the end.
 */
export class LocalWindow {
  readonly #most: number
  readonly #highWater: number
  #size = 0
  #drained: PromiseWithResolvers<void> | undefined

  constructor(most: number) {
    this.#most = most
    this.#highWater = Math.max(1, most >> 2)
  }

  get size(): number {
    return this.#size
  }

  /** Takes one; returns whether its sender may go on at once. Throws `ERR_QUEUE_FULL`. */
  enter(): boolean {
    if (this.#size >= this.#most) {
      throw new MeshError('ERR_QUEUE_FULL', `${this.#size} messages wait between agents of this node already`)
    }
    return ++this.#size < this.#highWater
  }

  leave(): void {
    if (--this.#size >= this.#highWater || this.#drained === undefined) return
    this.#drained.resolve()
    this.#drained = undefined
  }

  /** Resolves once less is under way than slows a sender. */
  drained(): Promise<void> {
    if (this.#size < this.#highWater) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }
}
