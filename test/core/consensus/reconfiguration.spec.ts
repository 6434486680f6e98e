import assert from 'node:assert/strict'
import { Bench, first, logOf } from './bench.ts'

const d = { voters: ['a', 'b', 'd'], learners: [] }

describe('a change of the configuration (thesis 4.3)', () => {
  it('is joint from when it is appended, needs both majorities, and is left by itself', () => {
    const bench = new Bench()
    bench.lead()
    assert.deepEqual(bench.reconfigure(d), [{ kind: 'accepted', index: 2, term: 1 }])
    const joint = { voters: ['a', 'b', 'd'], outgoing: ['a', 'b', 'c'], learners: [] }
    assert.deepEqual(bench.status.configuration, joint)
    bench.flush()
    bench.agree('c', 2)
    assert.equal(bench.status.commit, 1, 'a majority of the old voters alone')
    bench.agree('d', 2)
    assert.equal(bench.status.commit, 2)
    assert.deepEqual(bench.status.configuration, { ...d, outgoing: [] })
    assert.equal(bench.status.last, 3)
  })

  it('is one at a time, and none before the leader has something committed', () => {
    const bench = new Bench()
    bench.lead()
    bench.reconfigure(d)
    const changing = [{ kind: 'refused', reason: 'changing', leader: 'a' }]
    assert.deepEqual(bench.reconfigure(d), changing)
    bench.flush()
    bench.agree('b')
    bench.agree('d')
    assert.deepEqual(bench.reconfigure(d), changing, 'the second step is not committed')
    bench.flush()
    bench.agree('b')
    assert.equal(bench.reconfigure({ voters: ['a'], learners: [] })[0]!.kind, 'accepted')
    const early = new Bench({ voters: ['a'], log: logOf(1), hardState: { term: 1 } })
    early.handle({ kind: 'campaign' })
    early.handle({ kind: 'persisted', number: early.take()[0]!.write!.number })
    assert.deepEqual([early.status.role, early.reconfigure(d)], ['leader', changing])
  })

  it('has voters, and nobody in two parts', () => {
    const bench = new Bench()
    bench.lead()
    for (const target of [
      { voters: [], learners: ['a'] },
      { voters: ['a', 'b'], learners: ['b'] },
      { voters: ['a', 'a'], learners: [] }
    ]) {
      assert.deepEqual(bench.reconfigure(target), [{ kind: 'refused', reason: 'invalid', leader: 'a' }])
    }
  })

  it('is one step where only learners change, who count for nothing', () => {
    const bench = new Bench()
    bench.lead()
    bench.reconfigure({ voters: ['a', 'b', 'c'], learners: ['d', 'e'] })
    assert.deepEqual(bench.status.configuration.outgoing, [])
    bench.flush()
    for (const learner of ['d', 'e']) bench.agree(learner, 2)
    assert.equal(bench.status.commit, 1)
    bench.agree('c', 2)
    assert.equal(bench.status.commit, 2)
  })

  it('is led to its end by a leader that is none any more then (4.2.2)', () => {
    const bench = new Bench()
    bench.lead()
    bench.reconfigure({ voters: ['b', 'c'], learners: ['a'] })
    for (let step = 0; step < 2; step++) {
      assert.equal(bench.status.role, 'leader')
      bench.flush()
      bench.agree('b')
      bench.agree('c')
    }
    assert.equal(bench.status.role, 'follower')
    assert.deepEqual([bench.status.commit, bench.status.last], [3, 3])
    const told = bench.sent('append').map(({ to, commit }) => `${to} ${commit}`)
    assert.ok(told.includes('b 3') && told.includes('c 3'), 'those who go on know that it is committed')
  })

  it('goes with the entry that is cut off', () => {
    const bench = new Bench({ log: logOf(1) })
    const configuration = { voters: ['a'], outgoing: ['a', 'b', 'c'], learners: [] }
    const change = { index: 2, term: 1, kind: 'configuration', configuration } as const
    const append = { kind: 'append', prevIndex: 1, prevTerm: 1, commit: 0 } as const
    bench.receive('b', 1, { ...append, entries: [change] })
    assert.deepEqual(bench.status.configuration, configuration)
    bench.receive('c', 2, { ...append, entries: [logOf(1, 2)[1]!] })
    assert.deepEqual(bench.status.configuration, first(['a', 'b', 'c']).configuration)
  })
})

describe('a transfer of leadership (thesis 3.10)', () => {
  it('goes to who has all of the log, and takes no proposal meanwhile', () => {
    const bench = new Bench({ options: { electionTicks: 10 } })
    const term = bench.lead()
    bench.propose('x')
    bench.flush()
    bench.handle({ kind: 'transfer', to: 'c' })
    assert.deepEqual(bench.sent('timeout-now'), [])
    assert.deepEqual(bench.propose('y'), [{ kind: 'refused', reason: 'transferring', leader: 'a' }])
    bench.agree('c')
    assert.deepEqual(bench.sent('timeout-now')[0]!.to, 'c')
    bench.receive('b', term, { kind: 'heartbeat-reply', round: 1 })
    bench.ticks(10)
    assert.equal(bench.propose('y')[0]!.kind, 'accepted', 'an election’s time is over')
  })

  it('is for voters', () => {
    const bench = new Bench({ learners: ['d'] })
    bench.lead()
    for (const to of ['a', 'd', 'z']) {
      assert.deepEqual(bench.handle({ kind: 'transfer', to }), [{ kind: 'refused', reason: 'invalid', leader: 'a' }])
    }
  })

  it('makes the heir stand at once and by force', () => {
    const bench = new Bench()
    bench.receive('b', 1, { kind: 'heartbeat', commit: 0, round: 1 })
    bench.flush()
    bench.receive('b', 1, { kind: 'timeout-now' })
    assert.deepEqual(
      bench.sent('vote').map(({ to, term, pre, force }) => ({ to, term, pre, force })),
      ['b', 'c'].map((to) => ({ to, term: 2, pre: false, force: true }))
    )
  })
})
