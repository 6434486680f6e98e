import assert from 'node:assert/strict'
import { Bench, logOf } from './bench.ts'

const heartbeat = { kind: 'heartbeat', commit: 0, round: 1 } as const
const vote = { kind: 'vote', pre: false, force: false, lastIndex: 9, lastTerm: 9 } as const

describe('an election', () => {
  it('is asked for first, without a new term (thesis 9.6)', () => {
    const bench = new Bench()
    bench.handle({ kind: 'campaign' })
    const asked = bench.sent('vote')
    assert.deepEqual(
      asked.map(({ to, term, pre }) => ({ to, term, pre })),
      ['b', 'c'].map((to) => ({ to, term: 1, pre: true }))
    )
    assert.equal(bench.status.term, 0)
    bench.receive('b', 1, { kind: 'vote-reply', pre: true, granted: true })
    assert.deepEqual(
      bench.sent('vote').map(({ term, pre }) => ({ term, pre })),
      [1, 1].map((term) => ({ term, pre: false }))
    )
    bench.receive('b', 1, { kind: 'vote-reply', pre: false, granted: true })
    assert.equal(bench.status.role, 'leader')
  })

  it('begins after T to 2T ticks without a leader, not always the same (thesis 3.4)', () => {
    const bench = new Bench({ options: { electionTicks: 10 } })
    const patience = new Set<number>()
    for (let round = 0; round < 40; round++) {
      bench.receive('b', 1, heartbeat)
      bench.flush()
      let ticks = 0
      for (; bench.status.role === 'follower'; ticks++) bench.ticks(1)
      assert.ok(ticks >= 10 && ticks < 20, `${ticks} ticks`)
      patience.add(ticks)
    }
    assert.ok(patience.size > 3)
  })

  it('counts the own vote once it is on disk (thesis, figure 3.1)', () => {
    const bench = new Bench({ voters: ['a'] })
    bench.handle({ kind: 'campaign' })
    const write = bench.take()[0]!.write!
    assert.deepEqual(write.hardState, { term: 1, vote: 'a', commit: 0 })
    assert.equal(bench.status.role, 'candidate')
    bench.handle({ kind: 'persisted', number: write.number })
    assert.equal(bench.status.role, 'leader')
  })

  it('gets one vote a term, which leaves once it is on disk (thesis 3.4)', () => {
    const bench = new Bench()
    bench.receive('b', 9, vote)
    bench.receive('c', 9, vote)
    const [ready] = bench.take()
    assert.deepEqual(ready!.write!.hardState, { term: 9, vote: 'b', commit: 0 })
    assert.equal(ready!.write!.sync, true)
    assert.deepEqual(ready!.atOnce, [])
    const answers = ready!.afterPersist.map(({ to, kind }) => `${kind} ${to}`)
    assert.deepEqual(answers, ['vote-reply b', 'vote-reply c'])
    assert.deepEqual(
      ready!.afterPersist.map((message) => message.kind === 'vote-reply' && message.granted),
      [true, false]
    )
  })

  it('remembers the vote of a former life', () => {
    const bench = new Bench({ hardState: { term: 9, vote: 'b' } })
    bench.receive('c', 9, vote)
    bench.receive('b', 9, vote)
    assert.deepEqual(
      bench.sent('vote-reply').map(({ to, granted }) => `${to} ${granted}`),
      ['c false', 'b true']
    )
  })

  it('is won by nobody whose log is behind (thesis 3.6.1)', () => {
    for (const [lastTerm, lastIndex, granted] of [
      [3, 3, true],
      [3, 4, true],
      [4, 1, true],
      [3, 2, false],
      [2, 9, false]
    ] as const) {
      const bench = new Bench({ log: logOf(1, 3, 3) })
      bench.receive('b', 9, { ...vote, lastIndex, lastTerm })
      assert.equal(bench.sent('vote-reply')[0]!.granted, granted, `${lastIndex} in ${lastTerm}`)
    }
  })

  it('disturbs nobody who hears a leader, unless that leader asks for it (thesis 4.2.3, 3.10)', () => {
    const bench = new Bench({ options: { electionTicks: 10 } })
    bench.receive('b', 1, heartbeat)
    bench.flush()
    bench.receive('c', 9, vote)
    assert.deepEqual(bench.flush(), [])
    assert.equal(bench.status.term, 1)
    bench.receive('c', 9, { ...vote, force: true })
    assert.equal(bench.sent('vote-reply')[0]!.granted, true)
  })

  it('is not for learners, nor for those outside', () => {
    for (const setting of [{ voters: ['b'], learners: ['a'] }, { voters: ['b', 'c'] }]) {
      const bench = new Bench(setting)
      bench.ticks(50)
      assert.deepEqual(bench.flush(), [])
    }
  })

  it('is for one who leaves, as long as that is not committed (thesis 4.2.2)', () => {
    const configuration = { voters: ['b', 'c'], outgoing: [], learners: [] }
    const log = [...logOf(1), { index: 2, term: 1, kind: 'configuration', configuration } as const]
    const bench = new Bench({ log })
    bench.handle({ kind: 'campaign' })
    assert.deepEqual(
      bench.sent('vote').map(({ to }) => to),
      ['b', 'c']
    )
    bench.receive('b', 2, { kind: 'vote-reply', pre: true, granted: true })
    assert.equal(bench.status.role, 'pre-candidate')
    const settled = new Bench({ log, hardState: { commit: 2 } })
    settled.handle({ kind: 'campaign' })
    assert.deepEqual(settled.sent('vote'), [])
  })

  it('ends the time of a leader that no quorum answers (thesis 6.2)', () => {
    const bench = new Bench({ options: { electionTicks: 10 } })
    bench.lead()
    bench.ticks(10)
    assert.equal(bench.status.role, 'leader')
    bench.ticks(10)
    assert.equal(bench.status.role, 'follower')
  })

  it('tells a leader of an earlier term that it is over', () => {
    const bench = new Bench({ hardState: { term: 7 } })
    bench.receive('b', 3, heartbeat)
    assert.deepEqual(
      bench.flush().map(({ to, term, kind }) => ({ to, term, kind })),
      [{ to: 'b', term: 7, kind: 'append-reply' }]
    )
    const leader = new Bench()
    const term = leader.lead()
    leader.receive('c', term + 1, { kind: 'append-reply', index: 0, rejected: { index: 0, term: 0 } })
    assert.deepEqual([leader.status.role, leader.status.term], ['follower', term + 1])
  })
})
