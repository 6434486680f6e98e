import type { Mutant } from './types.ts'

const promise = 'subscriptions never gap silently'
const scenario = 'durable-subscriptions'

export const gaps: readonly Mutant[] = [
  {
    name: 'a cursor is ahead of what was acknowledged',
    promise,
    scenario,
    soon: true,
    file: 'src/core/pubsub/log-cursor.ts',
    find: 'return lowest === undefined ? this.#scanned : lowest.sequence - 1',
    replace: 'return lowest === undefined ? this.#scanned : this.#scanned'
  },
  {
    name: 'a cursor is stored one too far',
    promise,
    scenario,
    soon: true,
    file: 'src/runtime/pubsub/log/cursor-store.ts',
    find: 'new ByteWriter(16).number(epoch).number(sequence).finish()',
    replace: 'new ByteWriter(16).number(epoch).number(sequence + 1).finish()'
  },
  {
    name: 'of what comes together the first is left out',
    promise,
    scenario,
    file: 'src/core/pubsub/log-reader.ts',
    find: 'return { after, entries, missing, restarted }',
    replace: 'return { after, entries: entries.length > 1 ? entries.slice(1) : entries, missing, restarted }'
  },
  {
    name: 'a reader that is opened again begins as it began at first',
    promise,
    scenario,
    file: 'src/core/pubsub/log-reader.ts',
    find: "this.#fetch(this.#received === undefined ? this.#begin.beginning : 'position')",
    replace: 'this.#fetch(this.#begin.beginning)'
  },
  {
    name: 'where a subscription stopped is not read at its next start',
    promise,
    scenario,
    file: 'src/runtime/pubsub/log/cursor-store.ts',
    find: 'positions.set(key.slice(below.length), { epoch: position.number(), sequence: position.number() })',
    replace: 'position.number()'
  },
  {
    name: 'what belongs to a former turn is taken',
    promise,
    scenario,
    file: 'src/core/pubsub/log-reader.ts',
    find: 'if (turn !== this.#turn) return undefined',
    replace: ''
  }
]
