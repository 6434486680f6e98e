import type { Mutant } from './types.ts'

const promise = 'no effect twice'
const scenario = 'exactly-once'

export const twice: readonly Mutant[] = [
  {
    name: 'the inbox is forgotten at a restart',
    promise,
    scenario,
    soon: true,
    file: 'src/runtime/delivery/delivery-record.ts',
    find: 'if (young === undefined) return',
    replace: 'if (young === undefined || young.length > 0) return'
  },
  {
    name: 'a commit stores the state without the delivery',
    promise,
    scenario,
    soon: true,
    file: 'src/runtime/delivery/idempotent-receiver.ts',
    find: 'const all = [...changes, ...records]',
    replace: 'const all = changes.length > 0 ? [...changes] : records'
  },
  {
    name: 'a commit writes the delivery after the state, not with it',
    promise,
    scenario,
    file: 'src/runtime/delivery/idempotent-receiver.ts',
    find: 'const stored = this.store.write(all)',
    replace: 'if (changes.length > 0) await this.store.write(changes)\n      const stored = this.store.write(records)'
  },
  {
    name: 'each life of a sender has an epoch of its own',
    promise,
    scenario,
    file: 'src/node/numbers.ts',
    find: 'if (known === undefined) {',
    replace: 'if (known === undefined || known.length > 0) {'
  },
  {
    name: 'a message of a former life is sent under another number',
    promise,
    scenario,
    file: 'src/node/delivery.ts',
    find: 'if (peer !== undefined && number > 0) {',
    replace: 'if (peer !== undefined && number < 0) {'
  },
  {
    name: 'a message that may have been handled goes to another member',
    promise,
    scenario,
    file: 'src/node/consignment.ts',
    find: "return this.transmitted && this.claim !== undefined && this.template.delivery === 'exactly-once'",
    replace: "return this.attempts > 1e9 && this.template.delivery === 'exactly-once'"
  },
  {
    name: 'a copy is handled beside the one under way',
    promise,
    scenario,
    file: 'src/core/delivery/deliveries.ts',
    find: 'if (this.#underWay.size > 0 && this.#underWay.get(number) !== undefined) return',
    replace: 'if (number < 0) return'
  },
  {
    name: 'a floor that rises forgets what is done above it',
    promise,
    scenario,
    soon: true,
    file: 'src/core/delivery/deliveries.ts',
    find: 'this.#floor = floor\n      this.#done.dropBelow(floor)',
    replace: 'this.#floor = floor\n      this.#done.clear()'
  },
  {
    name: 'a commit does not look whether what was read has changed',
    promise,
    scenario,
    file: 'src/agent/state-home.ts',
    find: 'if (this.#store.version(key) !== version)',
    replace: 'if (this.#store.version(key) < 0)'
  }
]
