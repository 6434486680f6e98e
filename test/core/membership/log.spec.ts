import assert from 'node:assert/strict'
import fc from 'fast-check'
import { encodeMessage } from '../../../protocols/overlay/codec.ts'
import { pack } from '../../../protocols/overlay/pack.ts'
import { toDeltas } from '../../../src/core/membership/chunks.ts'
import { outranks } from '../../../src/core/membership/claim.ts'
import { Known } from '../../../src/core/membership/known.ts'
import { EntryLog, sizeOf } from '../../../src/core/membership/log.ts'
import { suspicionTimeout } from '../../../src/core/membership/suspicion.ts'
import { weigh } from '../../../src/core/membership/weight.ts'
import { sign } from './network.ts'

const key = fc.constantFrom('a', 'b', 'c', 'd')
const value = fc.option(fc.nat(9), { nil: undefined })

describe('entry log', () => {
  it('is what a plain list of all changes would be', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 120 }), fc.nat(120), (changes, since) => {
        const log = new EntryLog()
        const dumb = changes.map(([key, value], i) => ({ key, value, version: i + 1 }))
        for (const entry of dumb) log.put(entry, 0)
        const newest = dumb.filter((entry) => !dumb.some((e) => e.key === entry.key && e.version > entry.version))
        assert.deepEqual(
          [...log.since(since)],
          newest.filter((entry) => entry.version > since)
        )
        const live = newest.filter((entry) => entry.value !== undefined)
        assert.deepEqual(new Map(log.live), new Map(live.map((entry) => [entry.key, entry])))
        assert.equal(
          log.bytes,
          live.reduce((sum, entry) => sum + sizeOf(entry), 0)
        )
      })
    )
  })

  it('ends the same in whatever order changes come', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 40 }), fc.integer(), (changes, seed) => {
        const entries = changes.map(([key, value], i) => ({ key, value, version: i + 1 }))
        const [straight, shuffled] = [new EntryLog(), new EntryLog()]
        for (const entry of entries) straight.put(entry, 0)
        for (const entry of [...entries].sort(
          (a, b) => ((a.version * 31 + seed) % 7) - ((b.version * 31 + seed) % 7)
        )) {
          shuffled.put(entry, 0)
        }
        assert.deepEqual([...shuffled.since(0)], [...straight.since(0)])
      })
    )
  })

  it('forgets tombstones after their time, and remembers that it did', () => {
    const log = new EntryLog()
    log.put({ key: 'a', value: 1, version: 1 }, 0)
    log.put({ key: 'a', value: undefined, version: 2 }, 10)
    log.forget(10)
    assert.deepEqual(
      [...log.since(0)].map((entry) => entry.version),
      [2]
    )
    log.forget(11)
    assert.deepEqual([...log.since(0)], [])
    assert.equal(log.floor, 2)
  })
})

describe('the bounds of an entry log', () => {
  it('hold for tombstones: the oldest go first, and whoever knows less than they said needs the whole', () => {
    const log = new EntryLog()
    const most = 32_768
    for (let version = 1; version <= most + 10; version++) log.put({ key: `k${version}`, value: undefined, version }, 0)
    const left = [...log.since(0)]
    assert.deepEqual([left.length, left[0]?.version, log.floor], [most, 11, 10])
  })

  it('count a value in the place of the one that it replaces', () => {
    const log = new EntryLog()
    const [small, large] = [
      { key: 'a', value: 'x'.repeat(10), version: 1 },
      { key: 'a', value: 'x'.repeat(20), version: 2 }
    ]
    log.put(small, 0)
    assert.ok(log.fits(large, 1, sizeOf(large)))
    assert.ok(!log.fits(large, 1, sizeOf(large) - 1))
    assert.ok(!log.fits({ key: 'b', value: 1, version: 2 }, 1, 1_000))
  })
})

describe('chunks', () => {
  it('each fit a frame, and cover every version without a gap', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12_000), { maxLength: 60 }), fc.nat(60), (sizes, after) => {
        const member = new Known(signedBy('a'), { refutation: 0, state: 'alive' }, 0)
        for (const [i, size] of sizes.entries()) {
          member.log.put({ key: `k${i}`, value: 'ü'.repeat(size / 2), version: i + 1 }, 0)
        }
        member.version = sizes.length
        const from = Math.min(after, sizes.length)
        const deltas = toDeltas([{ member, record: true, after: from, accuser: undefined }], true)
        for (const delta of deltas) encodeMessage(delta)
        const items = deltas.flatMap((delta) => delta.items)
        items.reduce((reached, item) => {
          assert.equal(item.from, reached)
          return item.to
        }, from)
        assert.equal(items.at(-1)!.to, sizes.length)
        assert.deepEqual(
          items.map((item) => item.done),
          items.map((_, i) => i === items.length - 1)
        )
        assert.deepEqual(
          deltas.map((delta) => delta.last),
          deltas.map((_, i) => i === deltas.length - 1)
        )
        assert.equal(items.flatMap((item) => item.entries).length, sizes.length - from)
      }),
      { numRuns: 50 }
    )
  })
})

function signedBy(peer: string) {
  const addresses: string[] = []
  return sign({ peer, name: peer, region: undefined, zone: undefined, addresses, incarnation: 1, expires: 1 })
}

describe('weight', () => {
  it('is never less than what MessagePack takes', () => {
    const anything = fc.anything({ maxDepth: 3, maxKeys: 4, withDate: true })
    fc.assert(
      fc.property(fc.oneof(anything, fc.string({ unit: 'binary' }), fc.uint8Array()), (value) => {
        fc.pre(!hasExotic(value))
        assert.ok(weigh(value) >= pack(value).byteLength)
      })
    )
  })
})

/** A value with a prototype of its own, which nobody announces. */
function hasExotic(value: unknown): boolean {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || value instanceof Date) return false
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return true
  return Object.keys(value).includes('toJSON') || Object.values(value).some(hasExotic)
}

describe('suspicion timeout', () => {
  // The table of memberlist's suspicion_test.go: k = 3, min 2 s, max 30 s.
  for (const [confirmations, expected] of [
    [0, 30_000],
    [1, 16_000],
    [2, 7_810],
    [3, 2_000],
    [4, 2_000]
  ] as const) {
    it(`is ${expected} ms after ${confirmations} confirmations`, () => {
      assert.ok(Math.abs(suspicionTimeout(confirmations, 3, 2_000, 30_000) - expected) < 10)
    })
  }

  it('is the shortest where nobody could confirm', () => {
    assert.equal(suspicionTimeout(0, 0, 2_000, 30_000), 2_000)
  })
})

describe('claims', () => {
  const claim = fc.record({
    incarnation: fc.nat(2),
    refutation: fc.nat(2),
    state: fc.constantFrom('alive' as const, 'suspect' as const, 'dead' as const, 'left' as const)
  })

  it('form a chain, so that the order in which they are heard does not matter', () => {
    fc.assert(
      fc.property(fc.array(claim, { minLength: 1, maxLength: 8 }), fc.integer(), (claims, seed) => {
        const heard = (order: typeof claims) => order.reduce((a, b) => (outranks(b, a) ? b : a))
        const other = [...claims].sort((a, b) => ((a.refutation * 5 + seed) % 3) - ((b.refutation * 5 + seed) % 3))
        assert.deepEqual(heard(other), heard(claims))
      })
    )
  })
})
