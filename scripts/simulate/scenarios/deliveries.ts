import type { Node } from '../../../src/node/node.ts'

/** A message at one of those whom it is for, as one number. */
export type Delivery = number

export interface Saying {
  readonly id: number
  /** The life that said it, and the index of its node. */
  readonly node: Node
  readonly by: number
  /** Undefined for everybody. */
  readonly to: number | undefined
  /** Whatever its node had said or heard before, and all that came before that. */
  readonly past: Set<Delivery>
  placed: boolean
}

/** Messages at their receivers: the causal order is promised, and forgotten, for each receiver by itself. */
export class Deliveries {
  readonly #nodes: number
  readonly #sayings: readonly Saying[]

  constructor(nodes: number, sayings: readonly Saying[]) {
    this.#nodes = nodes
    this.#sayings = sayings
  }

  at(id: number, receiver: number): Delivery {
    return id * this.#nodes + receiver
  }

  receiver(delivery: Delivery): number {
    return delivery % this.#nodes
  }

  of({ id, to }: Saying): Delivery[] {
    const receivers = to === undefined ? Array.from({ length: this.#nodes }, (_, i) => i) : [to]
    return receivers.map((receiver) => this.at(id, receiver))
  }

  /** Takes out what was said to a node, what it has said, and what that stands for where it went. */
  forget(past: Set<Delivery>, node: number): void {
    for (const delivery of [...past]) {
      const { by, past: before } = this.#sayings[Math.floor(delivery / this.#nodes)]!
      const receiver = this.receiver(delivery)
      if (by !== node && receiver !== node) continue
      past.delete(delivery)
      for (const earlier of before) if (this.receiver(earlier) === receiver) past.delete(earlier)
    }
  }
}
