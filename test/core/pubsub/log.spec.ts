import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Entries, LogEntry } from '../../../protocols/publish-subscribe/messages.ts'
import { LogCursor } from '../../../src/core/pubsub/log-cursor.ts'
import { LogReader } from '../../../src/core/pubsub/log-reader.ts'
import { covers, matches } from '../../../src/core/pubsub/pattern.ts'
import { Recent } from '../../../src/core/pubsub/recent.ts'
import { Retention } from '../../../src/core/pubsub/retention.ts'

const entry = (sequence: number, size = 10): LogEntry => ({
  ...{ sequence, time: sequence * 1_000, topic: 'a', bytes: new Uint8Array(size) }
})
const numbers = (entries: readonly LogEntry[]) => entries.map(({ sequence }) => sequence)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('patterns', () => {
  const token = fc.constantFrom('a', 'b')
  const topic = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'))
  const pattern = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([tokens, tail]) => (tail ? [...tokens, '>'] : tokens).join('.'))

  it('match as their regular expressions do', () => {
    fc.assert(
      fc.property(pattern, topic, (pattern, topic) => {
        const text = pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace(/>$/, '.+')
        assert.equal(matches(pattern, topic), new RegExp(`^${text}$`).test(topic))
      })
    )
  })

  it('that cover others match all that those match', () => {
    fc.assert(
      fc.property(pattern, pattern, topic, (wide, narrow, topic) => {
        if (covers(wide, narrow) && matches(narrow, topic)) assert.ok(matches(wide, topic))
      })
    )
    assert.ok(covers('>', 'a.*.>') && covers('a.>', 'a.*') && covers('a.*', 'a.b') && covers('a', 'a'))
    assert.ok(!covers('a.*', 'a.>') && !covers('a.b', 'a.*') && !covers('a.>', 'a') && !covers('*', '>'))
  })
})

describe('the newest part of a log', () => {
  it('has all above its base, within its bounds', () => {
    const recent = new Recent({ messages: 10, bytes: 55 })
    for (let i = 1; i <= 100; i++) recent.push(i, i, 'a', new Uint8Array(10))
    assert.equal(recent.base, 95)
    assert.deepEqual(numbers(recent.between(95, 99, 1_000)), range(96, 100))
    assert.deepEqual(numbers(recent.between(97, 100, 11)), [98, 99])
    recent.push(101, 0, 'a', new Uint8Array(500))
    assert.deepEqual([recent.base, numbers(recent.between(100, 101, 1))], [100, [101]])
  })

  it('forgets what never was in the log', () => {
    const recent = new Recent({ messages: 10, bytes: 1_000 })
    for (let i = 1; i <= 5; i++) recent.push(i, i, 'a', new Uint8Array(10))
    recent.truncate(3)
    recent.push(4, 4, 'a', new Uint8Array(10))
    assert.deepEqual(numbers(recent.between(0, 9, 1_000)), [1, 2, 3, 4])
  })
})

describe('retention', () => {
  const kept = (bounds: Partial<{ messages: number; bytes: number; age: number }>, count: number) => {
    const retention = new Retention({ messages: 1e9, bytes: 1e9, age: 1e9, ...bounds })
    for (let i = 1; i <= count; i++) retention.add(i, i * 1_000, 100)
    return { retention, oldest: retention.oldest(count * 1_000)! }
  }

  it('keeps what its bounds say, to a step of a 64th', () => {
    assert.equal(kept({ messages: 640 }, 100).oldest, 1)
    for (const bounds of [{ messages: 640 }, { bytes: 64_000 }, { age: 640_000 }]) {
      const { oldest } = kept(bounds, 5_000)
      assert.ok(oldest >= 4_349 && oldest <= 4_371, `${JSON.stringify(bounds)}: ${oldest}`)
    }
  })

  it('knows a number that all published at a time or later is above', () => {
    const { retention } = kept({ messages: 640 }, 5_000)
    for (const time of [0, 4_500_000, 4_999_000, 9e9]) {
      const before = retention.before(time)
      assert.ok(before * 1_000 < Math.max(time, 4_371_000), `${time}: ${before}`)
    }
    assert.ok(retention.before(4_900_000) > 4_850)
  })
})

describe('a cursor', () => {
  it('is never ahead of what is settled, whatever the order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(range(1, 30), { minLength: 0 }), (settled) => {
        const cursor = new LogCursor(0)
        for (const sequence of range(1, 30)) cursor.delivered(sequence)
        cursor.passed(40)
        const done = new Set<number>()
        for (const sequence of settled) {
          cursor.settled(sequence)
          done.add(sequence)
          const open = range(1, 30).find((one) => !done.has(one))
          assert.equal(cursor.position, open === undefined ? 40 : open - 1)
        }
      })
    )
  })
})

describe('a reader of a log', () => {
  const room = { messages: 4, bytes: 1_000 }
  const answer = (after: number, to: number, entries: LogEntry[], turn = 1, epoch = 7): Entries => ({
    ...{ reader: 1, turn, epoch, first: 1, last: to, after, to, entries }
  })
  const reader = (beginning: 'start' | 'sequence' = 'start', value = 0) =>
    new LogReader(1, 'p', 'a', { beginning, value }, undefined)

  it('grants what it has room for, and more as it settles', () => {
    const one = reader()
    assert.deepEqual([one.open(room).messages, one.open(room).turn], [4, 2])
    assert.equal(one.take(answer(0, 2, [entry(1)], 1)), undefined)
    assert.ok(
      one.take(
        answer(
          0,
          4,
          range(1, 5).map((i) => entry(i)),
          2
        )
      )
    )
    assert.equal(one.due(room), false)
    one.settle(7, 1, { messages: 1, bytes: 10 })
    assert.equal(one.due(room), true)
    const { messages, beginning, value } = one.renew(room)
    assert.deepEqual({ messages, beginning, value }, { messages: 5, beginning: 'more', value: 4 })
    assert.deepEqual(one.position, { epoch: 7, sequence: 1 })
    assert.equal(one.open(room).messages, 1)
  })

  it('tells what is missing, and another log', () => {
    const one = reader()
    one.open(room)
    one.take(answer(0, 2, [entry(1), entry(2)]))
    assert.equal(one.take(answer(5, 6, [entry(6)]))!.missing, 3)
    for (const sequence of [1, 2]) one.settle(7, sequence, { messages: 1, bytes: 10 })
    // The news of the gap is not settled: it would come again.
    assert.equal(one.position!.sequence, 4)
    one.settle(7, 5, { messages: 0, bytes: 0 })
    assert.equal(one.position!.sequence, 5)
    const { restarted, missing } = one.take(answer(9, 10, [entry(10)], 1, 8))!
    assert.deepEqual({ restarted, missing }, { restarted: true, missing: 9 })
    const lost = one.take(answer(4, 5, [entry(5)], 1, 8))!
    assert.deepEqual([lost.restarted, lost.missing], [true, 0])
  })

  it('that asked for a number hears that it is gone', () => {
    const one = reader('sequence', 3)
    one.open(room)
    assert.equal(one.take(answer(9, 10, [entry(10)]))!.missing, 7)
  })
})
