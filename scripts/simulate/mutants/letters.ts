import type { Mutant } from './types.ts'

const promise = 'dead letters are never lost'
const scenario = 'durable'

export const letters: readonly Mutant[] = [
  {
    name: 'the letters of a former life are not taken up',
    promise,
    scenario,
    soon: true,
    file: 'src/node/letter-box.ts',
    find: 'this.putBack({ id, record, agent, name: nameOf(Draft.of(message.outgoing())), claim, peer, coordinated })',
    replace: ''
  },
  {
    name: 'a letter takes the place of one of a former life',
    promise,
    scenario,
    file: 'src/node/letter-box.ts',
    find: 'this.#last = Math.max(this.#last, parseInt(record.slice(PREFIX.length), 16))',
    replace: ''
  },
  {
    name: 'a letter is kept in memory only',
    promise,
    scenario,
    soon: true,
    file: 'src/node/letter-box.ts',
    find: 'changes.push(...others, { key: record, value: encodeLetter({ ...head, id }, draft) })',
    replace: 'changes.push(...others)'
  },
  {
    name: 'a message leaves the outbox before it is a letter',
    promise,
    scenario,
    file: 'src/node/dead-letters.ts',
    find: "const others: Change[] = record === '' ? [] : [{ key: record, value: undefined }]",
    replace:
      "if (record !== '') await this.#parts.store().write([{ key: record, value: undefined }])\n      const others: Change[] = []"
  },
  {
    name: 'a replay takes the letter off the disk before the message is on it',
    promise,
    scenario,
    file: 'src/node/dead-letters.ts',
    find: 'if (template.durable) consignment.replaces = lying.record',
    replace: 'if (template.durable) void store().write([{ key: lying.record, value: undefined }])'
  },
  {
    name: 'the number of a letter is given up',
    promise,
    scenario,
    soon: true,
    file: 'src/node/dispatcher.ts',
    find: 'void this.#parts.bury(consignment, final, why)',
    replace: 'this.#attempts.release(consignment)\n    void this.#parts.bury(consignment, final, why)'
  }
]
