import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pack, unpack } from '../../../protocols/envelope/messagepack.ts'
import { decodeCommand, encodeCommand } from '../../../src/core/replicated/command.ts'
import { keyValue } from '../../../src/core/replicated/key-value.ts'
import { ReplicatedState } from '../../../src/core/replicated/replicated-state.ts'
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
    replica.open()
    replica.tell('machine', { put: 'a', value: 1 })
    const good = unpack(replica.state.snapshot()) as [number, unknown[], unknown[]]
    const [format, sessions, parts] = good
    const bad: unknown[] = [
      7,
      [],
      [2, sessions, parts],
      [...good, 1],
      [format, [...sessions, ...sessions], parts],
      [format, [[0, 'n', 1, 1, []]], parts],
      [format, [[1, 'n', 1, 1, [2_000, 1]]], parts],
      [format, [[1, 'n', 1, 1, [1, ['no']]]], parts],
      [format, sessions, []],
      [format, sessions, ['other', parts[1]]],
      [format, sessions, [...parts, ...parts]],
      [format, sessions, ['machine', 7]],
      [format, sessions, ['machine', pack(['key'])]],
      [format, sessions, ['machine', pack([1, 1])]]
    ]
    for (const state of bad) {
      assert.throws(() => ground().state.restore(pack(state)), { code: 'ERR_CORRUPT' }, JSON.stringify(state))
    }
    assert.throws(() => ground().state.restore(new Uint8Array([0xc1])), { code: 'ERR_CORRUPT' })
    ground().state.restore(pack(good))
  })
})
