import assert from 'node:assert/strict'
import type { Entry } from '../../../src/core/consensus/types.ts'
import { seeded } from '../seeded.ts'
import { bytes, LoneNode, logOf } from './lone-node.ts'

const append = (prevIndex: number, prevTerm: number, entries: readonly Entry[], commit = 0) =>
  ({ kind: 'append', prevIndex, prevTerm, entries, commit }) as const

describe('replication', () => {
  it('sends before the own disk has the entry, and counts it only after (thesis 10.2.1)', () => {
    const node = new LoneNode()
    node.lead()
    assert.deepEqual(node.propose('x'), [{ kind: 'accepted', index: 2, term: 1 }])
    const [ready] = node.take()
    assert.equal(ready!.atOnce.filter(({ kind }) => kind === 'append').length, 2)
    assert.deepEqual(ready!.write!.entries, [{ index: 2, term: 1, kind: 'command', data: bytes('x') }])
    node.agree('b')
    assert.equal(node.status.commit, 1)
    node.handle({ kind: 'persisted', number: ready!.write!.number })
    assert.equal(node.status.commit, 2)
  })

  it('takes no proposal that proposes nothing: there would be no entry at the index that it was given', () => {
    const node = new LoneNode()
    node.lead()
    assert.deepEqual(node.propose(), [{ kind: 'refused', reason: 'invalid', leader: 'a' }])
    assert.equal(node.status.last, 1)
  })

  it('commits without the own disk what a majority of others has', () => {
    const node = new LoneNode()
    node.lead()
    node.propose('x')
    const [ready] = node.take()
    node.agree('b')
    node.agree('c')
    assert.equal(node.status.commit, 2)
    assert.deepEqual(
      node.take().flatMap(({ committed }) => committed),
      [],
      'nothing is applied that is not on disk'
    )
    node.handle({ kind: 'persisted', number: ready!.write!.number })
    assert.deepEqual(
      node.take().flatMap(({ committed }) => committed.map(({ index }) => index)),
      [2]
    )
  })

  it('commits nothing of an earlier term by counting (thesis 3.6.2, figure 3.7)', () => {
    const node = new LoneNode({ log: logOf(1, 2), hardState: { term: 3 } })
    node.handle({ kind: 'campaign' })
    node.flush()
    for (const pre of [true, false]) {
      node.receive('b', 4, { kind: 'vote-reply', pre, granted: true })
      node.flush()
    }
    assert.equal(node.status.role, 'leader')
    node.agree('b', 2)
    assert.equal(node.status.commit, 0)
    node.agree('b', 3)
    assert.equal(node.status.commit, 3)
  })

  it('does not go on where a leader knows it to have had more than it has', () => {
    const node = new LoneNode({ log: logOf(1, 1) })
    node.receive('b', 1, { kind: 'heartbeat', commit: 2, round: 1 })
    assert.equal(node.status.commit, 2)
    assert.throws(() => node.receive('b', 1, { kind: 'heartbeat', commit: 3, round: 2 }), RangeError)
  })

  it('is refused where the entry before is not there, with a hint that passes over a term (thesis 3.5)', () => {
    const node = new LoneNode({ log: logOf(1, 1, 4, 4, 4) })
    node.receive('b', 6, append(9, 6, []))
    node.receive('b', 6, append(5, 3, []))
    assert.deepEqual(
      node.sent('append-reply').map(({ index, rejected }) => ({ index, rejected })),
      [
        { index: 9, rejected: { index: 5, term: 4 } },
        { index: 5, rejected: { index: 2, term: 1 } }
      ]
    )
  })

  it('sends less at a time where appends overtake each other, and not ever more of them', () => {
    const node = new LoneNode({ voters: ['a', 'b'], options: { maxAppendBytes: 1, maxInflight: 100 } })
    const term = node.lead()
    node.propose(...Array.from({ length: 100 }, (_, i) => String(i)))
    const random = seeded(1)
    let has = 1
    let sent = 0
    let underWay: (() => void)[] = []
    const answer = (index: number, rejected?: { index: number; term: number }): void =>
      void underWay.push(() => node.receive('b', term, { kind: 'append-reply', index, rejected }))
    for (let round = 0; has < node.status.last; round++) {
      assert.ok(round < 1_000, `it has ${has} of ${node.status.last}`)
      for (const { prevIndex, entries } of node.sent('append')) {
        sent++
        underWay.push(() => {
          if (prevIndex > has) answer(prevIndex, { index: has, term })
          else answer((has = Math.max(has, prevIndex + entries.length)))
        })
      }
      // Each takes from one to twenty rounds.
      const arrived = underWay.filter(() => random() < 0.2)
      underWay = underWay.filter((one) => !arrived.includes(one))
      for (const one of arrived) one()
      if (round % 10 === 0) node.receive('b', term, { kind: 'heartbeat-reply', round: 0 })
    }
    assert.ok(sent < 1_000, `${sent} appends for 100 entries`)
  })

  it('believes no rejection of what it has not sent since it began anew', () => {
    const node = new LoneNode({ voters: ['a', 'b'], options: { maxAppendBytes: 1, maxInflight: 2 } })
    const term = node.lead()
    node.propose('2', '3', '4', '5', '6', '7')
    const prevs = (): number[] => node.sent('append').map(({ prevIndex }) => prevIndex)
    assert.deepEqual(prevs(), [1, 2])
    const rejected = { index: 1, term }
    node.agree('b', 3)
    assert.deepEqual(prevs(), [3, 4])
    node.receive('b', term, { kind: 'append-reply', index: 4, rejected: { index: 3, term } })
    assert.deepEqual(prevs(), [3], 'looked for, one at a time')
    node.agree('b', 4)
    assert.deepEqual(prevs(), [4], 'one is under way where two were')
    node.receive('b', term, { kind: 'append-reply', index: 6, rejected })
    assert.deepEqual(prevs(), [])
    node.agree('b', 5)
    assert.deepEqual(prevs(), [5, 6], 'two again')
  })

  it('finds in a few steps where two logs part', () => {
    const node = new LoneNode({ log: logOf(1, 1, 1, 5, 5, 5, 5, 5, 5) })
    const term = node.lead(['b'])
    node.receive('c', term, { kind: 'append-reply', index: 9, rejected: { index: 9, term: 4 } })
    const { prevIndex, prevTerm } = node.sent('append').filter(({ to }) => to === 'c')[0]!
    assert.deepEqual({ prevIndex, prevTerm }, { prevIndex: 3, prevTerm: 1 })
  })

  it('cuts off what conflicts, and nothing else (thesis, figure 3.1)', () => {
    const node = new LoneNode({ log: logOf(1, 1, 1), hardState: { commit: 1 } })
    const log = logOf(1, 2)
    node.receive('b', 2, append(1, 1, [log[1]!]))
    assert.deepEqual(
      node.take().flatMap(({ write }) => write!.entries.map(({ index, term }) => `${index} in ${term}`)),
      ['2 in 2']
    )
    node.receive('b', 2, append(2, 2, logOf(1, 2, 2).slice(2)))
    node.receive('b', 2, append(1, 1, [log[1]!]))
    assert.equal(node.status.last, 3, 'a late append takes away nothing')
  })

  it('never cuts off what is committed', () => {
    const node = new LoneNode({ log: logOf(1, 1), hardState: { commit: 2 } })
    node.receive('b', 2, append(0, 0, logOf(2, 2)))
    assert.equal(node.sent('append-reply')[0]!.index, 2, 'the leader is told what is committed')
    assert.throws(() => node.receive('b', 2, append(2, 1, [logOf(2, 2)[1]!])), RangeError)
  })

  it('lets a write count for what is still there, in the order of the writes', () => {
    const node = new LoneNode({ voters: ['a', 'b'] })
    node.receive('b', 1, append(0, 0, logOf(1, 1, 1), 3))
    const before = node.take()[0]!.write!
    node.handle({ kind: 'persisted', number: before.number })
    assert.deepEqual(
      node.take()[0]!.committed.map(({ index }) => index),
      [1, 2, 3]
    )
    const other = new LoneNode({ voters: ['a', 'b', 'c'] })
    other.receive('b', 1, append(0, 0, logOf(1, 1)))
    const overtaken = other.take()[0]!.write!
    other.receive('c', 2, append(0, 0, logOf(2), 1))
    const last = other.take()[0]!.write!
    other.handle({ kind: 'persisted', number: overtaken.number })
    assert.deepEqual(other.take(), [], 'the entry on disk is another')
    other.handle({ kind: 'persisted', number: last.number })
    assert.deepEqual(
      other.take()[0]!.committed.map(({ term }) => term),
      [2]
    )
  })

  it('holds no more under way than its window, in appends and bytes', () => {
    const node = new LoneNode({ options: { maxInflight: 2, maxAppendBytes: 1 } })
    node.lead()
    node.flush()
    for (const data of ['1', '2', '3', '4']) node.propose(data)
    const toB = (): string =>
      node
        .sent('append')
        .filter(({ to, entries }) => to === 'b' && entries.length > 0)
        .map(({ entries }) => entries[0]!.index)
        .join()
    assert.equal(toB(), '2,3')
    node.agree('b', 3)
    assert.equal(toB(), '4,5')
    const heavy = new LoneNode({ options: { maxInflightBytes: 50, maxAppendBytes: 1 } })
    heavy.lead()
    for (let i = 0; i < 5; i++) heavy.propose('x')
    assert.equal(heavy.sent('append').filter(({ to, entries }) => to === 'b' && entries.length > 0).length, 2)
  })

  it('asks again for what was lost, once the follower gives a sign', () => {
    const node = new LoneNode()
    const term = node.lead()
    node.propose('lost')
    node.flush()
    node.handle({ kind: 'unreachable', peer: 'b' })
    node.receive('b', term, { kind: 'heartbeat-reply', round: 1 })
    const [again] = node.sent('append')
    assert.deepEqual([again!.to, again!.prevIndex, again!.entries.length], ['b', 1, 1])
  })

  it('refuses proposals where no leader is, and names it', () => {
    const node = new LoneNode()
    node.receive('b', 1, { kind: 'heartbeat', commit: 0, round: 1 })
    assert.deepEqual(node.propose('x'), [{ kind: 'refused', reason: 'not-leader', leader: 'b' }])
  })

  it('tells by heartbeat no more to be committed than the follower has (thesis, figure 3.1)', () => {
    const node = new LoneNode({ options: { heartbeatTicks: 2 } })
    node.lead()
    node.ticks(1)
    assert.deepEqual(node.sent('heartbeat'), [])
    node.ticks(1)
    assert.deepEqual(
      node.sent('heartbeat').map(({ to, commit }) => `${to} ${commit}`),
      ['b 1', 'c 1']
    )
  })
})
