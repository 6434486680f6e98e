import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Progress } from '../../../src/core/ordering/progress.ts'
import { SequenceCursor } from '../../../src/core/ordering/sequence-cursor.ts'
import { lastOf, Sequences } from '../../../src/core/replicated/sequences.ts'

describe('a cursor in a group’s log', () => {
  it('passes each number once', () => {
    const cursor = new SequenceCursor(5, true)
    assert.deepEqual(cursor.pass('a', 3, 5), { missing: undefined })
    assert.deepEqual(cursor.pass('b', 1, 6), { missing: undefined })
    assert.equal(cursor.pass('a', 3, 5), false)
    assert.deepEqual(cursor.pass('a', 4, 9), { missing: undefined })
    assert.equal(cursor.next, 9)
    cursor.read(12)
    assert.equal(cursor.next, 12)
  })

  it('tells numbers that were left out', () => {
    const cursor = new SequenceCursor(1, false)
    cursor.pass('a', 1, 1)
    assert.deepEqual(cursor.pass('a', 4, 7), { missing: { sequence: 'a', from: 2, to: 3 } })
  })

  it('says what it missed where the log was cut off: of what was said since, and of nothing else', () => {
    const cursor = new SequenceCursor(10, true)
    cursor.pass('a', 3, 10)
    cursor.pass('b', 8, 11)
    cursor.read(12)
    const last = [
      { key: 'a', number: 5, index: 30 },
      { key: 'b', number: 8, index: 11 },
      { key: 'c', number: 2, index: 20 },
      { key: 'd', number: 9, index: 9 }
    ]
    assert.deepEqual(cursor.skip(40, last), [
      { sequence: 'a', from: 4, to: 5 },
      { sequence: 'c', from: undefined, to: 2 }
    ])
    assert.equal(cursor.next, 41)
    assert.deepEqual(cursor.pass('a', 6, 41), { missing: undefined })
    assert.deepEqual(cursor.skip(50, last), [])
  })

  it('misses nothing of what it begins behind', () => {
    const cursor = new SequenceCursor(1, false)
    assert.deepEqual(cursor.skip(40, [{ key: 'a', number: 5, index: 30 }]), [])
    assert.deepEqual(cursor.pass('a', 7, 44), { missing: { sequence: 'a', from: 6, to: 6 } })
  })

  it('accounts for every number, wherever the log is cut off', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ say: fc.constantFrom('a', 'b', 'c') }) },
      { weight: 3, arbitrary: fc.record({ read: fc.integer({ min: 1, max: 5 }) }) },
      { weight: 1, arbitrary: fc.constant({ compact: true }) }
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const group = new Sequences()
        const log: { index: number; key: string; number: number }[] = []
        let index = 0
        let first = 1
        const cursor = new SequenceCursor(1, true)
        const accounted = new Map<string, number>()
        const account = (sequence: string, from: number | undefined, to: number): void => {
          const before = accounted.get(sequence) ?? 0
          assert.equal(from ?? 1, before + 1, 'numbers follow each other')
          accounted.set(sequence, to)
        }
        const read = (most: number): void => {
          if (cursor.next < first) {
            for (const { sequence, from, to } of cursor.skip(index, lastOf(group.snapshot())))
              account(sequence, from, to)
            return
          }
          for (const entry of log.filter((one) => one.index >= cursor.next).slice(0, most)) {
            const passed = cursor.pass(entry.key, entry.number, entry.index)
            if (passed !== false) {
              assert.equal(passed.missing, undefined)
              account(entry.key, entry.number, entry.number)
            }
          }
        }
        for (const one of steps) {
          if ('say' in one) {
            const number = group.apply({ next: one.say, id: `${++index}` }, { index, term: 1 }) as number
            log.push({ index, key: one.say, number })
          } else if ('read' in one) read(one.read)
          else first = index + 1
        }
        read(Number.POSITIVE_INFINITY)
        read(Number.POSITIVE_INFINITY)
        for (const { key, number } of lastOf(group.snapshot())) assert.equal(accounted.get(key), number)
      })
    )
  })
})

describe('progress', () => {
  it('is how far all is done with, whatever is done first', () => {
    const progress = new Progress(5)
    assert.equal(progress.position, 4)
    for (const index of [5, 7, 7, 9]) progress.handed(index)
    progress.passed(12)
    progress.settled(7)
    progress.settled(9)
    assert.equal(progress.position, 4)
    progress.settled(5)
    assert.equal(progress.position, 6)
    progress.settled(3)
    progress.settled(7)
    assert.equal(progress.position, 11)
  })
})
