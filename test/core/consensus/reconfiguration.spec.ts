import assert from 'node:assert/strict'
import { first, LoneNode, logOf } from './lone-node.ts'

const d = { voters: ['a', 'b', 'd'], learners: [] }

describe('a change of the configuration (thesis 4.3)', () => {
  it('is joint from when it is appended, needs both majorities, and is left by itself', () => {
    const node = new LoneNode()
    node.lead()
    assert.deepEqual(node.reconfigure(d), [{ kind: 'accepted', index: 2, term: 1 }])
    const joint = { voters: ['a', 'b', 'd'], outgoing: ['a', 'b', 'c'], learners: [] }
    assert.deepEqual(node.status.configuration, joint)
    node.flush()
    node.agree('c', 2)
    assert.equal(node.status.commit, 1, 'a majority of the old voters alone')
    node.agree('d', 2)
    assert.equal(node.status.commit, 2)
    assert.deepEqual(node.status.configuration, { ...d, outgoing: [] })
    assert.equal(node.status.last, 3)
  })

  it('is one at a time, and none before the leader has something committed', () => {
    const node = new LoneNode()
    node.lead()
    node.reconfigure(d)
    const changing = [{ kind: 'refused', reason: 'changing', leader: 'a' }]
    assert.deepEqual(node.reconfigure(d), changing)
    node.flush()
    node.agree('b')
    node.agree('d')
    assert.deepEqual(node.reconfigure(d), changing, 'the second step is not committed')
    node.flush()
    node.agree('b')
    assert.equal(node.reconfigure({ voters: ['a'], learners: [] })[0]!.kind, 'accepted')
    const early = new LoneNode({ voters: ['a'], log: logOf(1), hardState: { term: 1 } })
    early.handle({ kind: 'campaign' })
    early.handle({ kind: 'persisted', number: early.take()[0]!.write!.number })
    assert.deepEqual([early.status.role, early.reconfigure(d)], ['leader', changing])
  })

  it('has voters, and nobody in two parts', () => {
    const node = new LoneNode()
    node.lead()
    for (const target of [
      { voters: [], learners: ['a'] },
      { voters: ['a', 'b'], learners: ['b'] },
      { voters: ['a', 'a'], learners: [] }
    ]) {
      assert.deepEqual(node.reconfigure(target), [{ kind: 'refused', reason: 'invalid', leader: 'a' }])
    }
  })

  it('is one step where only learners change, who count for nothing', () => {
    const node = new LoneNode()
    node.lead()
    node.reconfigure({ voters: ['a', 'b', 'c'], learners: ['d', 'e'] })
    assert.deepEqual(node.status.configuration.outgoing, [])
    node.flush()
    for (const learner of ['d', 'e']) node.agree(learner, 2)
    assert.equal(node.status.commit, 1)
    node.agree('c', 2)
    assert.equal(node.status.commit, 2)
  })

  it('is led to its end by a leader that is none any more then (4.2.2)', () => {
    const node = new LoneNode()
    node.lead()
    node.reconfigure({ voters: ['b', 'c'], learners: ['a'] })
    for (let step = 0; step < 2; step++) {
      assert.equal(node.status.role, 'leader')
      node.flush()
      node.agree('b')
      node.agree('c')
    }
    assert.equal(node.status.role, 'follower')
    assert.deepEqual([node.status.commit, node.status.last], [3, 3])
    const told = node.sent('append').map(({ to, commit }) => `${to} ${commit}`)
    assert.ok(told.includes('b 3') && told.includes('c 3'), 'those who go on know that it is committed')
  })

  it('goes with the entry that is cut off', () => {
    const node = new LoneNode({ log: logOf(1) })
    const configuration = { voters: ['a'], outgoing: ['a', 'b', 'c'], learners: [] }
    const change = { index: 2, term: 1, kind: 'configuration', configuration } as const
    const append = { kind: 'append', prevIndex: 1, prevTerm: 1, commit: 0 } as const
    node.receive('b', 1, { ...append, entries: [change] })
    assert.deepEqual(node.status.configuration, configuration)
    node.receive('c', 2, { ...append, entries: [logOf(1, 2)[1]!] })
    assert.deepEqual(node.status.configuration, first(['a', 'b', 'c']).configuration)
  })
})

describe('a transfer of leadership (thesis 3.10)', () => {
  it('goes to who has all of the log, and takes no proposal meanwhile', () => {
    const node = new LoneNode({ options: { electionTicks: 10 } })
    const term = node.lead()
    node.propose('x')
    node.flush()
    node.handle({ kind: 'transfer', to: 'c' })
    assert.deepEqual(node.sent('timeout-now'), [])
    assert.deepEqual(node.propose('y'), [{ kind: 'refused', reason: 'transferring', leader: 'a' }])
    node.agree('c')
    assert.deepEqual(node.sent('timeout-now')[0]!.to, 'c')
    node.receive('b', term, { kind: 'heartbeat-reply', round: 1 })
    node.ticks(10)
    assert.equal(node.propose('y')[0]!.kind, 'accepted', 'an election’s time is over')
  })

  it('is for voters', () => {
    const node = new LoneNode({ learners: ['d'] })
    node.lead()
    for (const to of ['a', 'd', 'z']) {
      assert.deepEqual(node.handle({ kind: 'transfer', to }), [{ kind: 'refused', reason: 'invalid', leader: 'a' }])
    }
  })

  it('makes the heir stand at once and by force', () => {
    const node = new LoneNode()
    node.receive('b', 1, { kind: 'heartbeat', commit: 0, round: 1 })
    node.flush()
    node.receive('b', 1, { kind: 'timeout-now' })
    assert.deepEqual(
      node.sent('vote').map(({ to, term, pre, force }) => ({ to, term, pre, force })),
      ['b', 'c'].map((to) => ({ to, term: 2, pre: false, force: true }))
    )
  })
})
