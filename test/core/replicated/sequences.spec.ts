import assert from 'node:assert/strict'
import { REMEMBERED_IDS, Sequences } from '../../../src/core/replicated/sequences.ts'
import { codeOf, LoneReplica, told } from './ground.ts'

const ground = () => {
  const replica = new LoneReplica(() => ({ sequences: new Sequences() }))
  const next = (key: string, id: string) => told(replica.tell('sequences', { next: key, id, data: { id } }))
  const ask = (question: unknown) => replica.state.query('sequences', question)
  return { replica, next, ask }
}

describe('a sequence', () => {
  it('numbers what is said under each key, without a gap', () => {
    const { next, ask } = ground()
    assert.deepEqual([next('a', 'x'), next('b', 'x'), next('a', 'y'), next('a', 'z'), next('b', 'z')], [1, 1, 2, 3, 2])
    assert.deepEqual([ask({ last: 'a' }), ask({ last: 'b' }), ask({ last: 'c' })], [3, 2, 0])
    assert.deepEqual([ask({ number: 'a', id: 'y' }), ask({ number: 'b', id: 'y' })], [2, undefined])
  })

  it('gives the same id the same number, and takes none for it', () => {
    const { replica, next, ask } = ground()
    next('a', 'x')
    next('a', 'y')
    assert.deepEqual(next('a', 'x'), { again: 1 })
    assert.deepEqual(told(replica.copy().tell('sequences', { next: 'a', id: 'y', data: 1 })), { again: 2 })
    assert.equal(ask({ last: 'a' }), 2)
  })

  it('does not mistake keys and ids for each other', () => {
    const { next } = ground()
    next('ab', 'x')
    next('1', 'x')
    assert.deepEqual([next('a', 'bc'), next('ab', 'c'), next('', 'abc')], [1, 2, 1])
    assert.deepEqual([next('1 a', 'b'), next('1', ' ab'), next('', '1 ab')], [1, 2, 2])
  })

  it('recognises as many ids as it says', () => {
    const { replica, next } = ground()
    for (let i = 0; i < 2 * REMEMBERED_IDS; i++) next('a', `${i}`)
    next('a', 'one more')
    const again = { next: 'a', id: `${REMEMBERED_IDS}`, data: 1 }
    for (const one of [replica.copy(), replica]) {
      assert.deepEqual(told(one.tell('sequences', again)), { again: REMEMBERED_IDS + 1 })
    }
    assert.equal(next('a', '0'), 2 * REMEMBERED_IDS + 2)
  }).timeout(60_000)

  it('refuses what it does not know', () => {
    const { replica, ask } = ground()
    const before = replica.state.snapshot()
    for (const body of [{}, undefined, { next: 'a' }, { next: 1, id: 'x' }]) {
      assert.equal(codeOf(replica.tell('sequences', body)), 'ERR_MALFORMED')
    }
    assert.deepEqual(replica.state.snapshot(), before)
    for (const question of [{}, { number: 'a' }]) assert.throws(() => ask(question), { code: 'ERR_MALFORMED' })
    const none = [[], []]
    for (const state of [[], [none, 'a', 0, 1], [none, 'a', 1, 0], [none, 'a', 1], [[['a', 'b'], []]], 7]) {
      assert.throws(() => new Sequences().restore(state), { code: 'ERR_MALFORMED' })
    }
  })
})
