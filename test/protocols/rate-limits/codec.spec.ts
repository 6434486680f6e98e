import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pack } from '../../../protocols/envelope/messagepack.ts'
import { decodeRateMessage, encodeRateMessage, readRateEntry } from '../../../protocols/rate-limits/codec.ts'
import { Kind, MAX_FRAME_BYTES, MAX_NEEDS, MAX_TOKENS } from '../../../protocols/rate-limits/constants.ts'
import type { RateMessage } from '../../../protocols/rate-limits/messages.ts'

const id = fc.string({ minLength: 1, maxLength: 85 })
const key = fc.string({ maxLength: 256 })
const stamp = fc.maxSafeNat()
const tokens = fc.nat().map((n) => n * 2 ** 9)

const messages: fc.Arbitrary<RateMessage> = fc.oneof(
  fc.record({ kind: fc.constant('call'), id, stamp }),
  fc.record({
    kind: fc.constant('pledge'),
    id,
    stamp,
    sharers: fc.integer({ min: 1, max: 1_000 }),
    fresh: fc.boolean()
  }),
  fc.record({
    kind: fc.constant('ask'),
    id,
    stamp,
    key,
    needs: fc.array(
      tokens.map((n) => n + 1),
      { maxLength: MAX_NEEDS }
    ),
    ahead: tokens,
    patient: fc.boolean()
  }),
  fc.record({ kind: fc.constant('grant'), id, stamp, key, tokens, remaining: tokens })
)

describe('protocols/rate-limits', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(messages, (drawn) => {
        const message = { ...drawn }
        const body = encodeRateMessage(message)
        assert.ok(body.byteLength <= MAX_FRAME_BYTES)
        assert.deepEqual(decodeRateMessage(Kind[message.kind], body), message)
      })
    )
  })

  it('refuses everything else with a code, whatever the bytes are', () => {
    const kinds = fc.constantFrom(...Object.values(Kind))
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.anything({ maxDepth: 1 }), { maxLength: 7 }).map((fields) => {
        try {
          return pack(fields)
        } catch {
          return new Uint8Array()
        }
      })
    )
    fc.assert(
      fc.property(kinds, bodies, (kind, body) => {
        try {
          const message = decodeRateMessage(kind, body)
          assert.equal(typeof message.id, 'string')
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_MALFORMED')
        }
      }),
      { numRuns: 500 }
    )
  })

  const wrong: Record<string, [kind: number, fields: unknown[]]> = {
    'no id': [Kind.call, ['', 1]],
    'an id that is too long': [Kind.call, ['x'.repeat(256), 1]],
    'a stamp below 0': [Kind.call, ['a', -1]],
    'a field too few': [Kind.pledge, ['a', 1, 1]],
    'no sharers': [Kind.pledge, ['a', 1, 0, true]],
    'a need of nothing': [Kind.ask, ['a', 1, '', [0], 0, true]],
    'too many needs': [Kind.ask, ['a', 1, '', new Array(MAX_NEEDS + 1).fill(1), 0, true]],
    'half a token': [Kind.grant, ['a', 1, '', 0.5, 0]],
    'too many tokens': [Kind.grant, ['a', 1, '', MAX_TOKENS + 1, 0]],
    'a key that is too long': [Kind.grant, ['a', 1, 'x'.repeat(769), 0, 0]]
  }
  for (const [what, [kind, fields]] of Object.entries(wrong)) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeRateMessage(kind, pack(fields)), { code: 'ERR_MALFORMED' })
    })
  }

  it('refuses a kind that nobody knows, and a frame that is too long', () => {
    assert.throws(() => decodeRateMessage(0x14, pack(['a', 1])), { code: 'ERR_PROTOCOL' })
    assert.throws(() => decodeRateMessage(Kind.call, new Uint8Array(MAX_FRAME_BYTES + 1)), { code: 'ERR_MALFORMED' })
  })

  it('ignores an entry that makes no sense', () => {
    const entry = { capacity: 10, refillRate: 0.5, burst: 0, used: false }
    assert.deepEqual(readRateEntry(entry), entry)
    const nonsense = [{ capacity: -1 }, { refillRate: 0 }, { refillRate: Number.POSITIVE_INFINITY }, { used: 1 }]
    for (const part of nonsense) assert.equal(readRateEntry({ ...entry, ...part }), undefined)
    for (const value of [undefined, null, 'rate', []]) assert.equal(readRateEntry(value), undefined)
  })
})
