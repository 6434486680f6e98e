import assert from 'node:assert/strict'
import { keyValue } from '../../../src/core/replicated/key-value.ts'
import { codeOf, LoneReplica, told } from './ground.ts'

const ground = () => {
  const replica = new LoneReplica(() => ({ machine: keyValue() }))
  const tell = (body: unknown) => told(replica.tell('machine', body))
  const get = (key: string) => replica.state.query('machine', { get: key })
  return { replica, tell, get }
}

/** Pairs that are the same data, made twice and in another order where order says nothing. */
const SAME: [name: string, one: () => unknown, other: () => unknown][] = [
  ['text', () => 'a', () => 'a'],
  ['NaN', () => NaN, () => NaN],
  ['null', () => null, () => null],
  ['a bigint', () => 2n ** 70n, () => 2n ** 70n],
  ['bytes', () => new Uint8Array([1, 2]), () => Buffer.from([1, 2])],
  ['a Date', () => new Date(7), () => new Date(7)],
  ['a list', () => [1, [2, undefined]], () => [1, [2, undefined]]],
  ['an object', () => ({ a: 1, b: { c: undefined } }), () => ({ b: { c: undefined }, a: 1 })],
  [
    'a Map',
    () =>
      new Map([
        [1, [1]],
        [2, [2]]
      ]),
    () =>
      new Map([
        [2, [2]],
        [1, [1]]
      ])
  ],
  [
    'a Map by keys with parts',
    () =>
      new Map([
        [[1], 1],
        [[2], 2]
      ]),
    () =>
      new Map([
        [[2], 2],
        [[1], 1]
      ])
  ],
  ['a Set', () => new Set(['a', 'b']), () => new Set(['b', 'a'])],
  ['a Set of what has parts', () => new Set([{ a: 1 }, [2]]), () => new Set([[2], { a: 1 }])]
]

const DIFFERENT: [name: string, one: unknown, other: unknown][] = [
  ['0 and -0', 0, -0],
  ['text and number', '1', 1],
  ['nothing and null', undefined, null],
  ['null and an object', null, {}],
  ['bytes', new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  ['bytes of another length', new Uint8Array([1]), new Uint8Array([1, 0])],
  ['bytes and a list', new Uint8Array([1]), [1]],
  ['Dates', new Date(7), new Date(8)],
  ['a Date and an object', new Date(7), {}],
  ['lists', [1, 2], [2, 1]],
  ['a list and an object', [1], { 0: 1 }],
  ['an undefined member and none', { a: undefined }, {}],
  ['undefined members of other names', { a: undefined }, { b: undefined }],
  ['Maps', new Map([[1, 1]]), new Map([[1, 2]])],
  ['Maps with an undefined value', new Map([[1, undefined]]), new Map([[2, undefined]])],
  [
    'Maps by keys with parts',
    new Map([
      [[1], 1],
      [[1], 1]
    ]),
    new Map([
      [[1], 1],
      [[1], 2]
    ])
  ],
  ['a Map and a Set', new Map(), new Set()],
  ['Sets', new Set([1]), new Set([2])],
  ['Sets of what has parts', new Set([[1], [1]]), new Set([[1], [2]])],
  ['a Set and an object', new Set(), {}]
]

describe('the key-value machine', () => {
  it('puts and deletes', () => {
    const { tell, get } = ground()
    assert.equal(get('a'), undefined)
    assert.equal(tell({ put: 'a', value: { b: [1] } }), undefined)
    assert.deepEqual(get('a'), { b: [1] })
    tell({ put: 'a', value: null })
    assert.equal(get('a'), null)
    tell({ delete: 'a' })
    tell({ delete: 'never' })
    assert.equal(get('a'), undefined)
    tell({ put: 'a', value: 1 })
    tell({ put: 'a', value: undefined })
    assert.equal(get('a'), undefined)
  })

  it('lists by prefix, in the order of the keys', () => {
    const { replica, tell } = ground()
    for (const key of ['b/2', 'a', 'b/10', 'c', 'b/1']) tell({ put: key, value: key.length })
    const entries = replica.state.query('machine', { entries: 'b/' })
    assert.deepEqual(entries, [
      ['b/1', 3],
      ['b/10', 4],
      ['b/2', 3]
    ])
  })

  for (const [name, one, other] of SAME) {
    it(`swaps where the value is the same: ${name}`, () => {
      const { tell, get } = ground()
      tell({ put: 'a', value: one() })
      assert.equal(tell({ compare: 'a', expected: other(), value: 'new' }), true)
      assert.equal(get('a'), 'new')
    })
  }

  for (const [name, one, other] of DIFFERENT) {
    it(`leaves alone what is not the same: ${name}`, () => {
      for (const [before, expected] of [
        [one, other],
        [other, one]
      ]) {
        const { tell, get } = ground()
        tell({ put: 'a', value: before })
        assert.equal(tell({ compare: 'a', expected, value: 'new' }), false)
        assert.deepEqual(get('a'), before)
      }
    })
  }

  it('swaps with nothing on either side', () => {
    const { tell, get } = ground()
    assert.equal(tell({ compare: 'a', expected: undefined, value: 1 }), true)
    assert.equal(tell({ compare: 'a', expected: undefined, value: 2 }), false)
    assert.equal(get('a'), 1)
    assert.equal(tell({ compare: 'a', expected: 1, value: undefined }), true)
    assert.equal(get('a'), undefined)
  })

  it('refuses what it does not know', () => {
    const { replica } = ground()
    for (const body of [{}, { put: 1, value: 1 }, { get: 'a' }, 'put', undefined]) {
      assert.equal(codeOf(replica.tell('machine', body)), 'ERR_MALFORMED')
    }
    for (const question of [{}, { get: 1 }, undefined]) {
      assert.throws(() => replica.state.query('machine', question), { code: 'ERR_MALFORMED' })
    }
  })

  it('gives a snapshot that does not change', () => {
    const { tell, replica } = ground()
    tell({ put: 'a', value: [1] })
    const machine = keyValue()
    machine.apply({ put: 'a', value: 1 }, { index: 1, term: 1 })
    const state = machine.snapshot()
    machine.apply({ put: 'a', value: 2 }, { index: 2, term: 1 })
    machine.apply({ delete: 'a' }, { index: 3, term: 1 })
    assert.deepEqual(state, ['a', 1])
    assert.deepEqual(replica.copy().state.query('machine', { entries: '' }), [['a', [1]]])
  })
})
