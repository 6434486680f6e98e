import assert from 'node:assert/strict'
import { LoneNode, logOf } from './lone-node.ts'

const heartbeat = { kind: 'heartbeat', commit: 0, round: 1 } as const
const vote = { kind: 'vote', pre: false, force: false, lastIndex: 9, lastTerm: 9 } as const

describe('an election', () => {
  it('is asked for first, without a new term (thesis 9.6)', () => {
    const node = new LoneNode()
    node.handle({ kind: 'campaign' })
    const asked = node.sent('vote')
    assert.deepEqual(
      asked.map(({ to, term, pre }) => ({ to, term, pre })),
      ['b', 'c'].map((to) => ({ to, term: 1, pre: true }))
    )
    assert.equal(node.status.term, 0)
    node.receive('b', 1, { kind: 'vote-reply', pre: true, granted: true })
    assert.deepEqual(
      node.sent('vote').map(({ term, pre }) => ({ term, pre })),
      [1, 1].map((term) => ({ term, pre: false }))
    )
    node.receive('b', 1, { kind: 'vote-reply', pre: false, granted: true })
    assert.equal(node.status.role, 'leader')
  })

  it('begins after T to 2T ticks without a leader, not always the same (thesis 3.4)', () => {
    const node = new LoneNode({ options: { electionTicks: 10 } })
    const patience = new Set<number>()
    for (let round = 0; round < 40; round++) {
      node.receive('b', 1, heartbeat)
      node.flush()
      let ticks = 0
      for (; node.status.role === 'follower'; ticks++) node.ticks(1)
      assert.ok(ticks >= 10 && ticks < 20, `${ticks} ticks`)
      patience.add(ticks)
    }
    assert.ok(patience.size > 3)
  })

  it('begins sooner where the way to the leader broke, but not before a leader that lives is heard', () => {
    const node = new LoneNode({ options: { electionTicks: 10 } })
    const patience = new Set<number>()
    for (let round = 0; round < 40; round++) {
      node.receive('b', 1, heartbeat)
      node.handle({ kind: 'unreachable', peer: 'c' })
      node.flush()
      node.handle({ kind: 'unreachable', peer: 'b' })
      let ticks = 0
      for (; node.status.role === 'follower'; ticks++) node.ticks(1)
      assert.ok(ticks >= 2 && ticks < 7, `${ticks} ticks`)
      patience.add(ticks)
    }
    assert.ok(patience.size > 3)
    node.receive('b', 1, heartbeat)
    node.handle({ kind: 'unreachable', peer: 'b' })
    node.ticks(1)
    node.receive('b', 1, heartbeat)
    node.ticks(9)
    assert.equal(node.status.role, 'follower')
  })

  it('grants a pre-vote to others once the way to the leader broke, unless leases promise the leader its time', () => {
    for (const lease of [undefined, 50]) {
      const node = new LoneNode({ options: { electionTicks: 10, lease } })
      node.receive('b', 1, heartbeat)
      const asks = { kind: 'vote', pre: true, force: false, lastIndex: 9, lastTerm: 9 } as const
      node.receive('c', 2, asks)
      assert.deepEqual(node.sent('vote-reply'), [])
      node.handle({ kind: 'unreachable', peer: 'b' })
      node.receive('c', 2, asks)
      const granted = node.sent('vote-reply').map((reply) => reply.granted)
      assert.deepEqual(granted, lease === undefined ? [true] : [])
    }
  })

  it('counts the own vote once it is on disk (thesis, figure 3.1)', () => {
    const node = new LoneNode({ voters: ['a'] })
    node.handle({ kind: 'campaign' })
    const write = node.take()[0]!.write!
    assert.deepEqual(write.hardState, { term: 1, vote: 'a', commit: 0 })
    assert.equal(node.status.role, 'candidate')
    node.handle({ kind: 'persisted', number: write.number })
    assert.equal(node.status.role, 'leader')
  })

  it('gets one vote a term, which leaves once it is on disk (thesis 3.4)', () => {
    const node = new LoneNode()
    node.receive('b', 9, vote)
    node.receive('c', 9, vote)
    const [ready] = node.take()
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
    const node = new LoneNode({ hardState: { term: 9, vote: 'b' } })
    node.receive('c', 9, vote)
    node.receive('b', 9, vote)
    assert.deepEqual(
      node.sent('vote-reply').map(({ to, granted }) => `${to} ${granted}`),
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
      const node = new LoneNode({ log: logOf(1, 3, 3) })
      node.receive('b', 9, { ...vote, lastIndex, lastTerm })
      assert.equal(node.sent('vote-reply')[0]!.granted, granted, `${lastIndex} in ${lastTerm}`)
    }
  })

  it('disturbs nobody who hears a leader, unless that leader asks for it (thesis 4.2.3, 3.10)', () => {
    const node = new LoneNode({ options: { electionTicks: 10 } })
    node.receive('b', 1, heartbeat)
    node.flush()
    node.receive('c', 9, vote)
    assert.deepEqual(node.flush(), [])
    assert.equal(node.status.term, 1)
    node.receive('c', 9, { ...vote, force: true })
    assert.equal(node.sent('vote-reply')[0]!.granted, true)
  })

  it('is not for learners, nor for those outside', () => {
    for (const setting of [{ voters: ['b'], learners: ['a'] }, { voters: ['b', 'c'] }]) {
      const node = new LoneNode(setting)
      node.ticks(50)
      assert.deepEqual(node.flush(), [])
    }
  })

  it('is what a learner waits for in vain: it says that it hears of no leader any more', () => {
    const node = new LoneNode({ voters: ['b'], learners: ['a'] })
    node.receive('b', 1, heartbeat)
    assert.equal(node.status.leader, 'b')
    node.ticks(50)
    assert.equal(node.status.leader, undefined)
  })

  it('is for one who leaves, as long as that is not committed (thesis 4.2.2)', () => {
    const configuration = { voters: ['b', 'c'], outgoing: [], learners: [] }
    const log = [...logOf(1), { index: 2, term: 1, kind: 'configuration', configuration } as const]
    const node = new LoneNode({ log })
    node.handle({ kind: 'campaign' })
    assert.deepEqual(
      node.sent('vote').map(({ to }) => to),
      ['b', 'c']
    )
    node.receive('b', 2, { kind: 'vote-reply', pre: true, granted: true })
    assert.equal(node.status.role, 'pre-candidate')
    const settled = new LoneNode({ log, hardState: { commit: 2 } })
    settled.handle({ kind: 'campaign' })
    assert.deepEqual(settled.sent('vote'), [])
  })

  it('ends the time of a leader that no quorum answers (thesis 6.2)', () => {
    const node = new LoneNode({ options: { electionTicks: 10 } })
    node.lead()
    node.ticks(10)
    assert.equal(node.status.role, 'leader')
    node.ticks(10)
    assert.equal(node.status.role, 'follower')
  })

  it('tells a leader of an earlier term that it is over', () => {
    const node = new LoneNode({ hardState: { term: 7 } })
    node.receive('b', 3, heartbeat)
    assert.deepEqual(
      node.flush().map(({ to, term, kind }) => ({ to, term, kind })),
      [{ to: 'b', term: 7, kind: 'append-reply' }]
    )
    const leader = new LoneNode()
    const term = leader.lead()
    leader.receive('c', term + 1, { kind: 'append-reply', index: 0, rejected: { index: 0, term: 0 } })
    assert.deepEqual([leader.status.role, leader.status.term], ['follower', term + 1])
  })
})
