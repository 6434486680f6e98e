import type { Mutant } from './types.ts'

const promise = 'order per key'
const scenario = 'key-order'

export const disorder: readonly Mutant[] = [
  {
    name: 'a key is no order',
    promise,
    scenario,
    soon: true,
    file: 'src/core/delivery/key-order.ts',
    find: 'if (item.order === undefined) return true',
    replace: 'if (item.order !== null) return true'
  },
  {
    name: 'last in, first out',
    promise,
    scenario,
    file: 'src/core/delivery/key-order.ts',
    find: 'lane.line.push(item)',
    replace: 'lane.line.unshift(item)'
  },
  {
    name: 'the outbox of a former life is taken up from its end',
    promise,
    scenario,
    file: 'src/node/delivery.ts',
    find: 'consignments.push(consignment)',
    replace: 'consignments.unshift(consignment)'
  },
  {
    name: 'the outbox sorts its records as texts',
    promise,
    scenario,
    file: 'src/node/shelf.ts',
    find: "n.toString(16).padStart(2, '0')",
    replace: 'n.toString(16)'
  },
  {
    name: 'a message of a former life has lost its key',
    promise,
    scenario,
    soon: true,
    file: 'src/node/dispatcher.ts',
    find: 'const { key } = draft.extra ?? {}',
    replace: 'const key = undefined'
  },
  {
    name: 'a message that waits for its receiver lets the next one go',
    promise,
    scenario,
    file: 'src/core/delivery/dispatch.ts',
    find: 'const former = this.#leave(item)',
    replace:
      'const former = this.#leave(item)\n    const next = this.#order.ended(item)\n    if (next !== undefined) this.#ready(next)'
  },
  {
    name: 'a receiver handles two of a key at once',
    promise,
    scenario,
    soon: true,
    file: 'src/agent/receivers.ts',
    find: 'if (this.#busyKeys.has(key)) {',
    replace: 'if (this.#busyKeys.size < 0) {'
  }
]
