import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  decodeAnswers,
  decodeCalls,
  decodeCancel,
  encodeAnswers,
  encodeCalls,
  encodeCancel
} from '../../../protocols/consensus/codec.ts'
import { MAX_BATCH, Op } from '../../../protocols/consensus/constants.ts'
import type { Answer, Call, CallBody } from '../../../protocols/consensus/messages.ts'
import { pack } from '../../../protocols/envelope/messagepack.ts'

const bytes = fc.uint8Array({ maxLength: 40 })
const number = fc.maxSafeNat()
const part = fc.string({ maxLength: 16 })
const peer = fc.string({ maxLength: 30 })
const peers = fc.array(peer, { maxLength: 5 })

const bodies: fc.Arbitrary<CallBody> = fc.oneof(
  fc.record({ op: fc.constant('propose'), command: bytes }),
  fc.constant<CallBody>({ op: 'index' }),
  fc.record({ op: fc.constant('read'), least: fc.option(number, { nil: undefined }), part, question: bytes }),
  fc.record({ op: fc.constant('await'), part, question: bytes, known: bytes }),
  fc.record({ op: fc.constant('follow'), from: number, bytes: number, part }),
  fc.record({ op: fc.constant('change'), voters: peers, learners: peers }),
  fc.record({ op: fc.constant('transfer'), to: fc.option(peer, { nil: undefined }) }),
  fc.constant<CallBody>({ op: 'snapshot' })
)

const calls: fc.Arbitrary<Call[]> = fc.array(
  fc.tuple(number, bodies).map(([id, body]) => ({ ...body, id })),
  { maxLength: 5 }
)

const answers: fc.Arbitrary<Answer[]> = fc.array(
  fc.oneof(
    fc.record({ id: number, index: number, term: number, value: bytes, rest: number }),
    fc.record({
      ...{ id: number, code: part, message: fc.string({ maxLength: 100 }) },
      leader: fc.option(peer, { nil: undefined }),
      members: fc.option(peers, { nil: undefined })
    })
  ),
  { maxLength: 5 }
)

/** fast-check's records have no prototype. */
function plain<T>(value: T): T {
  return structuredClone(value)
}

function refusalOf(decode: () => unknown): string {
  try {
    decode()
    return 'taken'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('protocols/consensus', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 60 }), calls, answers, (group, drawn, given) => {
        assert.deepEqual(decodeCalls(encodeCalls({ group, calls: drawn })), { group, calls: plain(drawn) })
        assert.deepEqual(decodeAnswers(encodeAnswers(given)), plain(given))
      })
    )
    fc.assert(fc.property(fc.array(number), (ids) => assert.deepEqual(decodeCancel(encodeCancel(ids)), ids)))
  })

  it('refuses everything else with a code, whatever the bytes are', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.anything({ maxDepth: 3 }).map((value) => {
        try {
          return pack(value)
        } catch {
          return new Uint8Array()
        }
      })
    )
    const codes = new Set(['taken', 'ERR_MALFORMED', 'ERR_PROTOCOL'])
    fc.assert(
      fc.property(noise, (body) => {
        for (const decode of [decodeCalls, decodeAnswers, decodeCancel])
          assert(codes.has(refusalOf(() => decode(body))))
      })
    )
  })

  it('keeps to its limits', () => {
    const call = (...fields: unknown[]) => pack(['group', [[1, ...fields]]])
    const cases: Record<string, Uint8Array> = {
      'no group': pack(['', []]),
      'a long name': pack(['x'.repeat(256), []]),
      'too many calls': pack(['group', Array.from({ length: MAX_BATCH + 1 }, (_, id) => [id, Op.index])]),
      'a negative number': pack(['group', [[-1, Op.index]]]),
      'an argument too many': call(Op.index, 1),
      'an argument too few': call(Op.read, 1, 'part'),
      'a command that is no bytes': call(Op.propose, 'text'),
      'a long part': call(Op.read, 1, 'x'.repeat(65), new Uint8Array()),
      'too many voters': call(Op.change, Array(65).fill('peer'), []),
      'a long peer': call(Op.transfer, 'x'.repeat(200))
    }
    for (const [what, body] of Object.entries(cases)) {
      assert.equal(
        refusalOf(() => decodeCalls(body)),
        'ERR_MALFORMED',
        what
      )
    }
    assert.equal(
      refusalOf(() => decodeCalls(call(99))),
      'ERR_PROTOCOL'
    )
    for (const answer of [
      [1, 2, 3],
      [1, 'CODE', 'text', null],
      [1, 2, 3, 'value', 0],
      [1, 2, 3, new Uint8Array(), -1],
      7
    ]) {
      assert.equal(
        refusalOf(() => decodeAnswers(pack([answer]))),
        'ERR_MALFORMED'
      )
    }
  })
})
