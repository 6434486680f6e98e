import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeAnswers, decodeCalls, encodeAnswers, encodeCalls } from '../../../protocols/consensus/codec.ts'
import { Op } from '../../../protocols/consensus/constants.ts'
import type { Answer, Call } from '../../../protocols/consensus/messages.ts'
import { decodeUsualAnswers, decodeUsualCalls } from '../../../protocols/consensus/usual.ts'
import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(255, 256, 65_535, 65_536).map((length) => new Uint8Array(length).fill(7))
)
const number = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32))
const text = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('machine', 'é', 'x'.repeat(31), 'x'.repeat(32)))

const calls: fc.Arbitrary<Call[]> = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('propose' as const), command: bytes, id: number }),
    fc.record({ op: fc.constant('index' as const), id: number }),
    fc.record({
      ...{ op: fc.constant('read' as const), least: fc.option(number, { nil: undefined }) },
      ...{ part: text, question: bytes, id: number }
    })
  ),
  { maxLength: 18 }
)
const answers: fc.Arbitrary<Answer[]> = fc.array(
  fc.record({ id: number, index: number, term: number, value: bytes, rest: number }),
  { maxLength: 18 }
)

function listOf(call: Call): unknown[] {
  if (call.op === 'propose') return [call.id, Op.propose, call.command]
  if (call.op === 'read') return [call.id, Op.read, call.least ?? null, call.part, call.question]
  return [call.id, Op.index]
}

function answerOf(answer: Answer): unknown[] {
  assert(!('code' in answer))
  return [answer.id, answer.index, answer.term, answer.value, answer.rest]
}

function damaged(frame: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(frame, fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 3 })).map(([whole, at, byte, less]) => {
    const some = new Uint8Array(whole.subarray(0, Math.max(1, whole.length - (less === 3 ? 1 : 0))))
    some[at % some.length] = byte
    return some
  })
}

describe('consensus frames of the usual kinds', () => {
  it('are the MessagePack that any other encoder writes, and come back', () => {
    fc.assert(
      fc.property(text, calls, answers, (name, someCalls, someAnswers) => {
        const group = name === '' ? 'g' : name
        const asked = encodeCalls({ group, calls: someCalls })
        assert.deepEqual(asked, pack([group, someCalls.map(listOf)]))
        assert.deepEqual(decodeCalls(asked), structuredClone({ group, calls: someCalls }))
        const answered = encodeAnswers(someAnswers)
        assert.deepEqual(answered, pack(someAnswers.map(answerOf)))
        assert.deepEqual(decodeAnswers(answered), structuredClone(someAnswers))
      })
    )
  })

  it('are read as any other decoder reads them, or left to it', () => {
    const frames = fc.tuple(text, calls).map(([group, some]) => encodeCalls({ group, calls: some }))
    fc.assert(
      fc.property(damaged(frames), (frame) => {
        const read = decodeUsualCalls(frame)
        if (read !== undefined) assert.deepEqual([read.group, read.calls.map(listOf)], unpack(frame))
      }),
      { numRuns: 3_000 }
    )
    fc.assert(
      fc.property(damaged(answers.map(encodeAnswers)), (frame) => {
        const read = decodeUsualAnswers(frame)
        if (read !== undefined) assert.deepEqual(read.map(answerOf), unpack(frame))
      }),
      { numRuns: 3_000 }
    )
  })
})
