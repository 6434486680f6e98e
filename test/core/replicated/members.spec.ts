import assert from 'node:assert/strict'
import { Members } from '../../../src/core/replicated/members.ts'
import { codeOf, LoneReplica, told } from './ground.ts'

const ground = () => {
  const replica = new LoneReplica(() => ({ members: new Members() }))
  const tell = (body: unknown) => told(replica.tell('members', body))
  const fail = (body: unknown) => codeOf(replica.tell('members', body))
  const ask = (question: unknown) => replica.state.query('members', question)
  return { replica, tell, fail, ask }
}

describe('the record of members', () => {
  it('says who joined and who left', () => {
    const { tell, ask } = ground()
    const since = tell({ joined: 'b', info: { zone: 'x' } })
    assert.equal(tell({ joined: 'b', info: { zone: 'y' } }), since)
    const later = tell({ joined: 'a', info: undefined })
    assert.deepEqual(ask({ members: true }), [
      ['a', { since: later, info: undefined }],
      ['b', { since, info: { zone: 'y' } }]
    ])
    assert.equal(tell({ left: 'b' }), true)
    assert.equal(tell({ left: 'b' }), false)
    assert.equal(ask({ member: 'b' }), undefined)
    assert.notEqual(tell({ joined: 'b', info: 1 }), since)
  })
})

describe('the record of placements', () => {
  it('has an agent at one peer, and says since when', () => {
    const { tell, fail, ask } = ground()
    for (const peer of ['a', 'b']) tell({ joined: peer, info: 1 })
    const since = tell({ place: 'agent', at: 'a' })
    assert.equal(tell({ place: 'agent', at: 'a' }), since)
    assert.equal(fail({ place: 'agent', at: 'b' }), 'ERR_CONFLICT')
    assert.deepEqual(ask({ placement: 'agent' }), { at: 'a', since })
    assert.equal(ask({ placement: 'other' }), undefined)
  })

  it('moves an agent from where it is, and from nowhere else', () => {
    const { tell, fail, ask, replica } = ground()
    const since = tell({ place: 'agent', at: 'a' }) as number
    const moved = tell({ move: 'agent', from: 'a', to: 'b' }) as number
    assert.ok(moved > since)
    assert.equal(fail({ move: 'agent', from: 'a', to: 'c' }), 'ERR_CONFLICT')
    assert.equal(fail({ move: 'other', from: 'a', to: 'c' }), 'ERR_CONFLICT')
    assert.deepEqual(ask({ placements: true }), [['agent', { at: 'b', since: moved }]])
    assert.deepEqual(replica.copy().state.query('members', { placements: true }), ask({ placements: true }))
  })

  it('has on record that an agent is to move, until it has moved or is to stay', () => {
    const { tell, fail, ask, replica } = ground()
    assert.equal(fail({ moving: 'agent', from: 'a', to: 'b' }), 'ERR_CONFLICT')
    const since = tell({ place: 'agent', at: 'a' })
    assert.equal(tell({ moving: 'agent', from: 'a', to: 'b' }), since)
    assert.deepEqual(ask({ placement: 'agent' }), { at: 'a', since, to: 'b' })
    assert.deepEqual(replica.copy().state.query('members', { placements: true }), ask({ placements: true }))
    assert.equal(fail({ moving: 'agent', from: 'b', to: 'a' }), 'ERR_CONFLICT')
    assert.equal(tell({ moving: 'agent', from: 'a', to: 'a' }), since)
    assert.deepEqual(ask({ placement: 'agent' }), { at: 'a', since })
    tell({ moving: 'agent', from: 'a', to: 'b' })
    const moved = tell({ move: 'agent', from: 'a', to: 'b' })
    assert.deepEqual(ask({ placement: 'agent' }), { at: 'b', since: moved })
  })

  it('places an agent anew whose peer is not on record any more', () => {
    const { tell, fail, ask } = ground()
    tell({ place: 'agent', at: 'a' })
    // Where nobody is on record that says nothing.
    assert.equal(fail({ place: 'agent', at: 'b' }), 'ERR_CONFLICT')
    for (const peer of ['a', 'b']) tell({ joined: peer, info: 1 })
    tell({ left: 'a' })
    const since = tell({ place: 'agent', at: 'b' })
    assert.deepEqual(ask({ placement: 'agent' }), { at: 'b', since })
  })

  it('forgets an agent that is removed from where it is', () => {
    const { tell, ask } = ground()
    tell({ place: 'agent', at: 'a' })
    assert.equal(tell({ remove: 'agent', from: 'b' }), false)
    assert.equal(tell({ remove: 'agent', from: 'a' }), true)
    assert.equal(tell({ remove: 'agent', from: 'a' }), false)
    assert.deepEqual(ask({ placements: true }), [])
  })

  it('refuses what it does not know, and changes nothing', () => {
    const { replica, fail, ask, tell } = ground()
    tell({ place: 'agent', at: 'a' })
    const before = replica.state.snapshot()
    for (const body of [
      {},
      7,
      { joined: 1 },
      { place: 'agent' },
      { move: 'agent', from: 'a' },
      { move: 'agent', to: 'a' },
      { remove: 'agent' }
    ]) {
      assert.equal(fail(body), 'ERR_MALFORMED', JSON.stringify(body))
    }
    assert.deepEqual(replica.state.snapshot(), before)
    for (const question of [{}, { members: 1 }]) assert.throws(() => ask(question), { code: 'ERR_MALFORMED' })
    for (const state of [[], [1, ['a', 0, 1]], [0, ['agent', 'a']], [1, 7], [2, ['a', 1, 1]]]) {
      assert.throws(() => new Members().restore(state), { code: 'ERR_MALFORMED' })
    }
  })
})
