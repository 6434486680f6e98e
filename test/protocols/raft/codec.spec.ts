import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Writer } from '../../../protocols/raft/bytes.ts'
import {
  decodeMessages,
  encodeHeartbeatReplies,
  encodeHeartbeats,
  encodeMessage,
  type Frame,
  type Heartbeat,
  type HeartbeatReply
} from '../../../protocols/raft/codec.ts'
import {
  Kind,
  MAX_BEATS,
  MAX_COMMAND_BYTES,
  MAX_GROUP_BYTES,
  MAX_MEMBERS,
  MAX_NUMBER,
  MAX_SNAPSHOT_BYTES
} from '../../../protocols/raft/constants.ts'
import type { Configuration, Entry, EntryContent, GroupMessage } from '../../../protocols/raft/messages.ts'

const group = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter((id) => Buffer.byteLength(id) < 256)
const index = fc.nat({ max: MAX_NUMBER - 1_000 }).map((n) => n + 1)
const TERM = 50
const term = fc.constant(TERM)
const data = fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes))
const peers = (from: string, minLength: number) =>
  fc.uniqueArray(fc.nat({ max: 999 }), { minLength, maxLength: 5 }).map((all) => all.map((n) => `${from}${n}`))
const configuration: fc.Arbitrary<Configuration> = fc.record({
  voters: peers('v', 1),
  outgoing: fc.oneof(peers('v', 0), peers('ü', 0)),
  learners: peers('l', 0)
})
const content: fc.Arbitrary<EntryContent> = fc.oneof(
  fc.record({ kind: fc.constant('command'), data }),
  fc.record({ kind: fc.constant('empty') }),
  fc.record({ kind: fc.constant('configuration'), configuration })
)

const append: fc.Arbitrary<GroupMessage> = fc
  .record({ group, prevIndex: index, commit: index, contents: fc.array(fc.tuple(content, fc.nat({ max: 3 }))) })
  .map(({ contents, prevIndex, ...rest }) => {
    let at = 1
    const entries = contents.map(([one, more], i): Entry => {
      at = Math.min(TERM, at + more)
      return { ...one, index: prevIndex + 1 + i, term: at }
    })
    return { ...rest, kind: 'append', term: TERM, prevIndex, prevTerm: 1, entries }
  })

const snapshot: fc.Arbitrary<GroupMessage> = fc
  .record({ group, configuration, index, before: fc.nat(1_000), after: fc.nat(1_000), data })
  .filter(({ before, after, data }) => data.length > 0 || before + after === 0)
  .map(({ group, configuration, index, before, after, data }) => ({
    ...{ kind: 'snapshot', group, term: TERM, meta: { index, term: 3, configuration } },
    ...{ offset: before, total: before + data.length + after, data }
  }))

const messages: fc.Arbitrary<GroupMessage> = fc.oneof(
  append,
  snapshot,
  fc.record({
    ...{ kind: fc.constant('append-reply'), group, term, index },
    rejected: fc.option(fc.record({ index, term: fc.nat({ max: TERM }) }), { nil: undefined })
  }),
  fc.record({
    ...{ kind: fc.constant('vote'), group, term, pre: fc.boolean(), force: fc.boolean() },
    ...{ lastIndex: index, lastTerm: fc.nat({ max: TERM }) }
  }),
  fc.record({ kind: fc.constant('vote-reply'), group, term: fc.nat(), pre: fc.boolean(), granted: fc.boolean() }),
  fc.record({ kind: fc.constant('timeout-now'), group, term }),
  fc.record({ kind: fc.constant('snapshot-reply'), group, term, index, received: fc.nat({ max: MAX_SNAPSHOT_BYTES }) })
)
const heartbeats: fc.Arbitrary<Heartbeat[]> = fc.array(
  fc.record({ kind: fc.constant('heartbeat'), group, term, commit: index, round: index }),
  { minLength: 1, maxLength: MAX_BEATS }
)
const replies: fc.Arbitrary<HeartbeatReply[]> = fc.array(
  fc.record({ kind: fc.constant('heartbeat-reply'), group, term, round: index }),
  { minLength: 1, maxLength: MAX_BEATS }
)

/** fast-check's records have no prototype. */
const plain = <T>(value: T): T => structuredClone(value)

function frameOf(drawn: GroupMessage | Heartbeat[] | HeartbeatReply[]): Frame {
  if (!Array.isArray(drawn)) return encodeMessage(drawn as Parameters<typeof encodeMessage>[0])
  const [first] = drawn as GroupMessage[]
  return first!.kind === 'heartbeat'
    ? encodeHeartbeats(drawn as Heartbeat[])
    : encodeHeartbeatReplies(drawn as HeartbeatReply[])
}

describe('protocols/raft', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.oneof(messages, heartbeats, replies), (drawn) => {
        const { kind, body } = frameOf(drawn)
        const expected = (Array.isArray(drawn) ? drawn : [drawn]).map(plain)
        assert.deepEqual(decodeMessages(kind, body).map(plain), expected)
      })
    )
  })

  it('refuses everything else with a code, whatever the bytes are', () => {
    const spoilt = fc
      .tuple(
        fc.oneof(messages, heartbeats, replies),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 })
      )
      .map(([drawn, changes]) => {
        const { kind, body } = frameOf(drawn)
        for (const [at, byte] of changes) body[at % body.length] = byte
        return { kind, body }
      })
    const noise = fc.record({
      kind: fc.constantFrom(...Object.values(Kind)),
      body: fc.uint8Array({ maxLength: 80 })
    })
    fc.assert(
      fc.property(fc.oneof(spoilt, noise), fc.nat({ max: 400 }), ({ kind, body }, cut) => {
        for (const bytes of [body, body.subarray(0, cut)]) {
          try {
            for (const message of decodeMessages(kind, bytes)) assert.equal(typeof message.group, 'string')
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'ERR_MALFORMED')
          }
        }
      }),
      { numRuns: 1_000 }
    )
  })

  it('holds the longest frame of heartbeats in what the smallest node takes', () => {
    const beat: Heartbeat = {
      ...{ kind: 'heartbeat', group: 'g'.repeat(MAX_GROUP_BYTES) },
      ...{ term: MAX_NUMBER, commit: MAX_NUMBER, round: MAX_NUMBER }
    }
    const { body } = encodeHeartbeats(new Array(MAX_BEATS).fill(beat))
    // `limits.messageBytes` of 1,024 is a frame of so many.
    assert.ok(body.byteLength < 66_560)
  })

  const head = (): Writer => new Writer(4_096).text('g').number(5)
  const command = { kind: 'command', data: new Uint8Array(1), index: 1, term: 1 } as const
  const configured = (ids: string[]): Writer => {
    const writer = head().number(9).number(3).number(ids.length)
    for (const id of ids) writer.text(id)
    return writer.number(0).number(0)
  }
  const wrong: Record<string, [kind: number, body: Uint8Array]> = {
    'no group': [Kind.timeoutNow, new Writer(10).number(0).number(5).finish()],
    'a group that is too long': [Kind.timeoutNow, new Writer(400).text('g'.repeat(256)).number(5).finish()],
    'a group that is no UTF-8': [Kind.timeoutNow, new Writer(10).bytes(Uint8Array.of(0xff)).number(5).finish()],
    'a leader of no term': [Kind.timeoutNow, new Writer(10).text('g').number(0).finish()],
    'a term that is too great': [
      Kind.timeoutNow,
      new Writer(20)
        .text('g')
        .number(MAX_NUMBER + 1)
        .finish()
    ],
    'what follows the last field': [Kind.timeoutNow, head().number(0).finish()],
    'a flag that is none': [Kind.voteReply, head().number(2).number(0).finish()],
    'a vote whose log is of a later term': [Kind.vote, head().number(0).number(0).number(1).number(6).finish()],
    'no heartbeat': [Kind.heartbeats, new Writer(10).number(0).finish()],
    'too many heartbeats': [Kind.heartbeats, new Writer(10).number(MAX_BEATS + 1).finish()],
    'more entries than there are bytes': [Kind.append, head().number(1).number(1).number(0).number(1e9).finish()],
    'an entry before without a term': [Kind.append, head().number(1).number(0).number(0).number(0).finish()],
    'no entry before, but its term': [Kind.append, head().number(0).number(1).number(0).number(0).finish()],
    'an entry of a later term': [
      Kind.append,
      encodeMessage({
        ...{ kind: 'append', group: 'g', term: 1, prevIndex: 0, prevTerm: 0, commit: 0 },
        entries: [{ ...command, term: 2 }]
      }).body
    ],
    'an entry of no term': [
      Kind.append,
      encodeMessage({
        ...{ kind: 'append', group: 'g', term: 1, prevIndex: 0, prevTerm: 0, commit: 0 },
        entries: [{ ...command, term: 0 }]
      }).body
    ],
    'an entry of a kind that nobody knows': [
      Kind.append,
      head().number(0).number(0).number(0).number(1).number(1).number(3).finish()
    ],
    'a command that is too long': [
      Kind.append,
      encodeMessage({
        ...{ kind: 'append', group: 'g', term: 1, prevIndex: 0, prevTerm: 0, commit: 0 },
        entries: [{ ...command, data: new Uint8Array(MAX_COMMAND_BYTES + 1) }]
      }).body
    ],
    'a configuration without voters': [
      Kind.snapshot,
      configured([]).number(1).number(0).bytes(Uint8Array.of(1)).finish()
    ],
    'a voter twice': [Kind.snapshot, configured(['a', 'a']).number(1).number(0).bytes(Uint8Array.of(1)).finish()],
    'a voter without a name': [Kind.snapshot, configured(['']).number(1).number(0).bytes(Uint8Array.of(1)).finish()],
    'a PeerId that is too long': [
      Kind.snapshot,
      configured(['p'.repeat(129)])
        .number(1)
        .number(0)
        .bytes(Uint8Array.of(1))
        .finish()
    ],
    'too many voters': [
      Kind.snapshot,
      configured(Array.from({ length: MAX_MEMBERS + 1 }, (_, i) => `${i}`))
        .number(1)
        .number(0)
        .bytes(Uint8Array.of(1))
        .finish()
    ],
    'a snapshot that is too large': [
      Kind.snapshot,
      configured(['a'])
        .number(MAX_SNAPSHOT_BYTES + 1)
        .number(0)
        .bytes(Uint8Array.of(1))
        .finish()
    ],
    'a part beyond the total': [Kind.snapshot, configured(['a']).number(1).number(1).bytes(Uint8Array.of(1)).finish()],
    'a part of nothing': [Kind.snapshot, configured(['a']).number(1).number(0).number(0).finish()]
  }
  for (const [what, [kind, body]] of Object.entries(wrong)) {
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeMessages(kind, body), { code: 'ERR_MALFORMED' })
    })
  }

  it('refuses a kind that nobody knows', () => {
    assert.throws(() => decodeMessages(0x19, head().finish()), { code: 'ERR_PROTOCOL' })
  })
})
