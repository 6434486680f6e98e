import type { KeyValueGroup, StateMachine } from '../../../src/index.ts'
import type { Mesh } from '../../../src/testing/index.ts'

/** The first `voters` nodes vote, the others are clients; all of them open the group. */
export function openGroups(mesh: Mesh, voters: number, name = 'config'): Promise<KeyValueGroup[]> {
  const ids = mesh.nodes.slice(0, voters).map(({ peerId }) => peerId)
  return Promise.all(mesh.nodes.map((node) => node.consensus(name, { voters: ids })))
}

/** Index of the node that leads, once there is one that it itself and `asked` take for it. */
export async function leaderOf(mesh: Mesh, groups: readonly KeyValueGroup[]): Promise<number> {
  for (;;) {
    const leader = groups.findIndex((group) => group.status().role === 'leader')
    if (leader >= 0) return leader
    await mesh.advance(100)
  }
}

/** Counts what it is told: whatever is applied twice shows. */
export class Counter implements StateMachine {
  #total = 0

  apply(command: unknown): number {
    const { add } = command as { add: number }
    if (!Number.isSafeInteger(add)) throw Object.assign(new Error('that is no number'), { code: 'ERR_NO_NUMBER' })
    this.#total += add
    return this.#total
  }

  query(question: unknown): unknown {
    return { asked: question, total: this.#total }
  }

  snapshot(): unknown {
    return this.#total
  }

  restore(state: unknown): void {
    this.#total = state as number
  }
}
