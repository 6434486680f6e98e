import type { Mutant } from './types.ts'

const promise = 'acknowledged is never lost'

export const lost: readonly Mutant[] = [
  {
    name: 'the log does not wait for its fdatasync',
    promise,
    scenario: 'durable',
    soon: true,
    file: 'src/runtime/storage/segment-log.ts',
    find: 'await file.write(bytes, at)\n  await file.sync()',
    replace: 'await file.write(bytes, at)\n  file.sync().catch(() => {})'
  },
  {
    name: 'an fdatasync that fails counts as one',
    promise,
    scenario: 'durable',
    file: 'src/runtime/storage/segment-log.ts',
    find: 'await file.write(bytes, at)\n  await file.sync()',
    replace: 'await file.write(bytes, at)\n  await file.sync().catch(() => {})'
  },
  {
    name: 'the name of a segment is not synced',
    promise,
    scenario: 'durable',
    soon: true,
    file: 'src/runtime/storage/segment.ts',
    find: 'await disk.rename(name + NEW, name)\n    await disk.sync()',
    replace: 'await disk.rename(name + NEW, name)'
  },
  {
    name: 'recovery drops the records that no later one vouches for',
    promise,
    scenario: 'durable',
    file: 'src/runtime/storage/recovery.ts',
    find: 'return { synced: this.#synced, tail }',
    replace: 'return { synced: this.#synced, tail: [] }'
  },
  {
    name: 'a message is called stored before it is',
    promise,
    scenario: 'durable',
    file: 'src/node/write-ahead.ts',
    find: 'consignment.writing = true\n    consignment.writes++\n',
    replace: 'consignment.writing = true\n    consignment.writes++\n    consignment.kept()\n'
  },
  {
    name: 'a message leaves the outbox when it is sent',
    promise,
    scenario: 'durable',
    file: 'src/node/attempts.ts',
    find: 'consignment.transmitted = true\n      const freight',
    replace:
      'consignment.transmitted = true\n      void this.#parts.store().write(this.#parts.shelf.removal(consignment)).catch(() => {})\n      const freight'
  },
  {
    name: 'what a former life left in the outbox is not taken up',
    promise,
    scenario: 'durable',
    file: 'src/node/delivery.ts',
    find: 'this.#dispatcher.resume(consignments)',
    replace: 'this.#dispatcher.resume([])'
  },
  {
    name: 'the outbox gives the keys of a former life away again',
    promise,
    scenario: 'durable',
    file: 'src/node/shelf.ts',
    find: 'this.#last = Math.max(this.#last, parseInt(record.slice(PREFIX.length), 16))',
    replace: ''
  },
  {
    name: 'a receiver acknowledges before its record is on disk',
    promise,
    scenario: 'exactly-once',
    file: 'src/runtime/delivery/idempotent-receiver.ts',
    find: 'await stored\n',
    replace: 'stored.catch(() => {})\n'
  },
  {
    name: 'a delivery whose record failed stays done in memory',
    promise,
    scenario: 'exactly-once',
    file: 'src/runtime/delivery/producer.ts',
    find: 'this.#deliveries!.undone(delivery)',
    replace: ''
  },
  {
    name: 'numbers are used again by the next life',
    promise,
    scenario: 'durable',
    soon: true,
    file: 'src/node/numbers.ts',
    find: 'changes.push({ key: PREFIX + peer, value: numeral(bound) })',
    replace: ''
  },
  {
    name: 'the floor passes what is outstanding',
    promise,
    scenario: 'durable',
    file: 'src/core/delivery/numbering.ts',
    find: 'return Math.min(this.#restored.next, this.#taken[this.#first]?.at ?? this.#next)',
    replace: 'return this.#next'
  }
]
