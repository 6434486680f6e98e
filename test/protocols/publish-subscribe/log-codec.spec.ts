import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  decodeEntries,
  decodeFetch,
  decodeRecord,
  EntriesWriter,
  encodeFetch,
  encodeRecord
} from '../../../protocols/publish-subscribe/log-codec.ts'
import type { Beginning } from '../../../protocols/publish-subscribe/messages.ts'

const number = fc.maxSafeNat()
const bytes = fc.uint8Array({ maxLength: 100 })
const topic = fc.constantFrom('a', 'a.b', 'ü.b')

describe('the codec of logs', () => {
  it('reads what it writes', () => {
    const beginnings: Beginning[] = ['position', 'start', 'now', 'time', 'sequence', 'more', 'digest']
    const parts = {
      ...{ reader: number, turn: number, publisher: fc.constantFrom('', '12D3'), pattern: topic },
      ...{ beginning: fc.constantFrom(...beginnings), epoch: number, value: number, messages: number, bytes: number }
    }
    const fetch = fc.record(parts, { noNullPrototype: true })
    fc.assert(fc.property(fetch, (fetch) => assert.deepEqual(decodeFetch(encodeFetch(fetch)), fetch)))
    const entry = fc.record(
      { sequence: fc.integer({ min: 6, max: 2 ** 40 }), time: number, topic, bytes },
      { noNullPrototype: true }
    )
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ({ sequence }) => sequence }), (unsorted) => {
        const entries = unsorted.sort((a, b) => a.sequence - b.sequence)
        const writer = new EntriesWriter(5)
        for (const one of entries) writer.add(one)
        const head = { reader: 1, turn: 2, epoch: 3, first: 4, last: 2 ** 41, to: 2 ** 41 }
        assert.deepEqual(decodeEntries(writer.finish(head)), { ...head, after: 5, entries })
      })
    )
    fc.assert(
      fc.property(entry, ({ sequence, ...record }) => {
        assert.deepEqual(decodeRecord(sequence, encodeRecord(record)), { sequence, ...record })
      })
    )
  })

  it('refuses what says nothing, and lets nothing else out', () => {
    fc.assert(
      fc.property(bytes, (body) => {
        for (const decode of [decodeFetch, decodeEntries, (bytes: Uint8Array) => decodeRecord(1, bytes)]) {
          try {
            decode(body)
          } catch (error) {
            assert.equal((error as { code: string }).code, 'ERR_MALFORMED')
          }
        }
      })
    )
    const writer = new EntriesWriter(5)
    writer.add({ sequence: 9, time: 1, topic: 'a', bytes: new Uint8Array(1) })
    const head = { reader: 1, turn: 2, epoch: 3, first: 4, last: 9, to: 8 }
    assert.throws(() => decodeEntries(writer.finish(head)), { code: 'ERR_MALFORMED' })
  })
})
