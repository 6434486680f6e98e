import type { Mutant } from './types.ts'

const promise = 'total order'
const scenario = 'total-order'

export const totalOrder: readonly Mutant[] = [
  {
    name: 'a number is handed out as soon as nobody is at work',
    promise,
    scenario,
    soon: true,
    file: 'src/core/ordering/hold-back.ts',
    find: 'else if (item.number === line.next && line.running === 0) {',
    replace: 'else if (line.running === 0) {'
  },
  {
    name: 'the next is handed out while the one before is at work',
    promise,
    scenario,
    file: 'src/core/ordering/hold-back.ts',
    find: 'while (line.running === 0 && line.held[0]?.number === line.next) {',
    replace: 'while (line.held[0]?.number === line.next || line.held[0]?.number === line.running + 1) {'
  },
  {
    name: 'what failed is passed over',
    promise,
    scenario,
    soon: true,
    file: 'src/core/ordering/hold-back.ts',
    find: 'if (over) this.#pass(line, number + 1, sink)',
    replace: 'this.#pass(line, number + 1, sink)'
  },
  {
    name: 'what was given up is handed out all the same',
    promise,
    scenario,
    file: 'src/core/ordering/hold-back.ts',
    find: "else if (item.number < line.next) sink.push({ kind: 'refuse', item, reason: 'void' })",
    replace: "else if (item.number < line.next) sink.push({ kind: 'deliver', item })"
  },
  {
    name: 'a sender takes all before its own number to be settled',
    promise,
    scenario,
    soon: true,
    file: 'src/node/ordering/places.ts',
    find: 'settled: Math.min(known, extra.sequence - 1)',
    replace: 'settled: extra.sequence - 1'
  },
  {
    name: 'whose number was given up asks for the same again',
    promise,
    scenario,
    file: 'src/node/ordering/places.ts',
    find: "voids === 0 ? ''",
    replace: "voids >= 0 ? ''"
  },
  {
    name: 'a publication that is said again gets another number',
    promise,
    scenario,
    file: 'src/core/replicated/sequences.ts',
    find: 'if (known !== undefined) return { again: known }',
    replace: ''
  },
  {
    name: 'a reader goes on behind the batch that it was given, and one',
    promise,
    scenario,
    soon: true,
    file: 'src/runtime/ordering/sequence-reader.ts',
    find: 'cursor.read(next)',
    replace: 'cursor.read(next + 1)'
  },
  {
    name: 'a subscription is ready before it is known where it begins',
    promise,
    scenario,
    file: 'src/runtime/ordering/sequence-reader.ts',
    find: 'return new SequenceCursor(last + 1, true)',
    replace: 'return new SequenceCursor(last + 2, true)'
  }
]
