import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pack } from '../../../protocols/envelope/messagepack.ts'
import { decodeCommand, encodeCommand } from '../../../src/core/replicated/command.ts'
import { isKeyValue, keyValue } from '../../../src/core/replicated/key-value.ts'
import { MACHINE, partOfSnapshot, ReplicatedState } from '../../../src/core/replicated/replicated-state.ts'
import type { StateMachine } from '../../../src/core/replicated/types.ts'
import { codeOf, LoneReplica } from './ground.ts'

const ground = () => new LoneReplica(() => ({ machine: keyValue() }))
const nested = (levels: number): unknown => (levels === 0 ? 0 : [nested(levels - 1)])

describe('a command', () => {
  it('is what was encoded, and shares no memory with its bytes', () => {
    const command = {
      session: 7,
      number: 3,
      oldest: 2,
      part: 'machine',
      body: { put: 'a', value: [new Uint8Array([1])] }
    }
    const bytes = encodeCommand(command)
    const decoded = decodeCommand(bytes)
    bytes.fill(0xff)
    assert.deepEqual(decoded, command)
    const inside = new Map([[new Uint8Array([1]), new Set([new Uint8Array([2])])]])
    const tagged = encodeCommand({ session: 0, number: 0, oldest: 0, part: 'machine', body: inside })
    const { body } = decodeCommand(tagged)
    tagged.fill(0xff)
    assert.deepEqual(body, inside)
  })

  it('is an outcome where it is malformed, and changes nothing', () => {
    const replica = ground()
    const before = replica.state.snapshot()
    const put = { put: 'a', value: 1 }
    const bad = [
      7,
      [],
      [0, 0, 0, 'machine'],
      [0, 0, 0, 'machine', put, 1],
      [0, 1, 1, 'machine', put],
      [1, 0, 0, 'machine', put],
      [1, 1, 2, 'machine', put],
      [-1, 1, 1, 'machine', put],
      [0.5, 1, 1, 'machine', put],
      ['0', 0, 0, 'machine', put],
      [0, 0, 0, 7, put],
      [0, 0, 0, 'nowhere', put],
      [0, 0, 0, 'machine', { put: 1 }],
      [0, 0, 0, 'machine', null],
      [0, 0, 0, 'machine', nested(125)]
    ]
    for (const fields of bad) assert.equal(codeOf(replica.apply(pack(fields))), 'ERR_MALFORMED', JSON.stringify(fields))
    assert.deepEqual(replica.state.snapshot(), before)
    assert.throws(() => replica.state.query('nowhere', {}), { code: 'ERR_MALFORMED' })
  })

  it('is an outcome whatever the bytes are', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const replica = ground()
        const before = replica.state.snapshot()
        assert.equal(codeOf(replica.apply(bytes)), 'ERR_MALFORMED')
        assert.deepEqual(replica.state.snapshot(), before)
      })
    ))

  it('can be in a snapshot wherever it is in the log', () => {
    const replica = ground()
    const value = nested(123)
    assert.equal(replica.tell('machine', { put: 'deep', value }).ok, true)
    assert.deepEqual(replica.copy().state.query('machine', { get: 'deep' }), value)
  })
})

describe('what replicas hold', () => {
  it('has parts of other names than the sessions', () => {
    assert.throws(() => new ReplicatedState({ sessions: keyValue() }), { code: 'ERR_CONFIG' })
  })

  it('does not depend on the order in which its parts are named', () => {
    const one = new ReplicatedState({ a: keyValue(), b: keyValue() })
    const other = new ReplicatedState({ b: keyValue(), a: keyValue() })
    for (const part of ['b', 'a']) {
      const bytes = encodeCommand({ session: 0, number: 0, oldest: 0, part, body: { put: part, value: 1 } })
      for (const state of [one, other]) state.apply(bytes, { index: 1, term: 1 })
    }
    assert.deepEqual(one.snapshot(), other.snapshot())
  })

  it('says which command it applied, and that a repeat was none', () => {
    const replica = ground()
    const applied = () => replica.state.applied && [replica.state.applied.part, replica.state.applied.body]
    const session = replica.open('mine')
    assert.deepEqual(applied(), ['sessions', { open: 'mine' }])
    const put = { put: 'a', value: 1 }
    for (const expected of [[MACHINE, put], undefined]) {
      replica.in(session, 1, MACHINE, put)
      assert.deepEqual(applied(), expected)
    }
    for (const command of [pack(7), encodeCommand({ session: 9, number: 1, oldest: 1, part: MACHINE, body: put })]) {
      replica.tell(MACHINE, put)
      assert.deepEqual(applied(), [MACHINE, put])
      replica.apply(command)
      assert.equal(applied(), undefined)
    }
  })

  it('has parts that can be had from a snapshot', () => {
    const replica = ground()
    replica.tell(MACHINE, { put: 'a', value: new Uint8Array([1]) })
    assert.deepEqual(partOfSnapshot(replica.state.snapshot(), MACHINE), ['a', new Uint8Array([1])])
    assert.throws(() => partOfSnapshot(replica.state.snapshot(), 'other'), { code: 'ERR_MALFORMED' })
  })

  it('keeps nothing of a snapshot’s bytes', () => {
    const replica = ground()
    const value = new Uint8Array(300).fill(7)
    replica.tell('machine', { put: 'a', value })
    const bytes = replica.state.snapshot()
    const copy = ground()
    copy.state.restore(bytes)
    bytes.fill(0)
    assert.deepEqual(copy.state.query('machine', { get: 'a' }), value)
  })

  it('refuses a snapshot that is none', () => {
    const replica = ground()
    replica.open('nonce')
    replica.tell('machine', { put: 'a', value: 1 })
    const session = [1, 'nonce', 1, 1, []]
    const frames = (...contents: unknown[]) => Buffer.concat(contents.flatMap((content) => frameOf(content)))
    const head = [1, ['sessions', 1, 'machine', 2]]
    const sessions = ['sessions', [session]]
    const machine = ['machine', ['a', 1]]
    assert.deepEqual(frames(head, sessions, machine), Buffer.from(replica.state.snapshot()))
    for (const contents of [
      [],
      [7],
      [[2, head[1]], sessions, machine],
      [head, sessions],
      [head, machine, sessions],
      [head, sessions, machine, machine],
      [head, sessions, [...machine, 1]],
      [head, sessions, ['machine', ['a', 1, 'b', 2]]],
      [head, sessions, ['machine', ['a']], ['machine', []], ['machine', [1]]],
      [head, sessions, ['machine', [1, 1]]],
      [head, sessions, ['machine', 7]],
      [[1, ['sessions', 1, 'machine', 1]], sessions, ['machine', ['a']]],
      [[1, ['sessions', 1]], sessions],
      [[1, ['machine', 2]], machine],
      [[1, ['sessions', 1, 'other', 2]], sessions, ['other', ['a', 1]]],
      [[1, ['sessions', 2, 'machine', 2]], ['sessions', [session, session]], machine],
      [head, ['sessions', [[0, 'nonce', 1, 1, []]]], machine],
      [head, ['sessions', [[1, 'nonce', 1, 1, [2_000, 1]]]], machine],
      [head, ['sessions', [[1, 'nonce', 1, 1, [1, ['no']]]]], machine]
    ]) {
      const restore = () => ground().state.restore(frames(...contents))
      assert.throws(restore, { code: 'ERR_CORRUPT' }, JSON.stringify(contents))
    }
    const whole = replica.state.snapshot()
    for (let end = 0; end < whole.length; end++) {
      assert.throws(() => ground().state.restore(whole.subarray(0, end)), { code: 'ERR_CORRUPT' })
    }
    ground().state.restore(whole)
  })

  it('is captured at one moment and encoded a little at a time', () => {
    const replica = ground()
    for (let i = 0; i < 1_000; i++) replica.tell('machine', { put: `key-${i}`, value: i })
    const whole = replica.state.snapshot()
    const frames: Uint8Array[] = []
    for (const frame of replica.state.capture()) {
      frames.push(frame)
      replica.tell('machine', { delete: `key-${999 - frames.length}` })
      replica.tell('machine', { put: 'key-0', value: frames.length })
      replica.open()
    }
    assert.ok(frames.length > 8)
    assert.deepEqual(Buffer.concat(frames), Buffer.from(whole))
  })

  it('may have a part whose state is no list', () => {
    let count = 0
    const counter: StateMachine = {
      apply: () => ++count,
      query: () => count,
      snapshot: () => count,
      restore(state) {
        count = state as number
      }
    }
    const replica = new LoneReplica(() => ({ machine: counter }))
    replica.tell('machine', undefined)
    const bytes = replica.state.snapshot()
    replica.tell('machine', undefined)
    replica.state.restore(bytes)
    assert.equal(replica.state.query('machine', undefined), 1)
    assert.deepEqual([isKeyValue(counter), isKeyValue(keyValue())], [false, true])
  })
})

function frameOf(content: unknown): Buffer[] {
  const packed = Buffer.from(pack(content))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(packed.length)
  return [length, packed]
}
