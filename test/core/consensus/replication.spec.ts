import assert from 'node:assert/strict'
import type { Entry } from '../../../src/core/consensus/types.ts'
import { Bench, bytes, logOf } from './bench.ts'

const append = (prevIndex: number, prevTerm: number, entries: readonly Entry[], commit = 0) =>
  ({ kind: 'append', prevIndex, prevTerm, entries, commit }) as const

describe('replication', () => {
  it('sends before the own disk has the entry, and counts it only after (thesis 10.2.1)', () => {
    const bench = new Bench()
    bench.lead()
    assert.deepEqual(bench.propose('x'), [{ kind: 'accepted', index: 2, term: 1 }])
    const [ready] = bench.take()
    assert.equal(ready!.atOnce.filter(({ kind }) => kind === 'append').length, 2)
    assert.deepEqual(ready!.write!.entries, [{ index: 2, term: 1, kind: 'command', data: bytes('x') }])
    bench.agree('b')
    assert.equal(bench.status.commit, 1)
    bench.handle({ kind: 'persisted', number: ready!.write!.number })
    assert.equal(bench.status.commit, 2)
  })

  it('commits without the own disk what a majority of others has', () => {
    const bench = new Bench()
    bench.lead()
    bench.propose('x')
    const [ready] = bench.take()
    bench.agree('b')
    bench.agree('c')
    assert.equal(bench.status.commit, 2)
    assert.deepEqual(
      bench.take().flatMap(({ committed }) => committed),
      [],
      'nothing is applied that is not on disk'
    )
    bench.handle({ kind: 'persisted', number: ready!.write!.number })
    assert.deepEqual(
      bench.take().flatMap(({ committed }) => committed.map(({ index }) => index)),
      [2]
    )
  })

  it('commits nothing of an earlier term by counting (thesis 3.6.2, figure 3.7)', () => {
    const bench = new Bench({ log: logOf(1, 2), hardState: { term: 3 } })
    bench.handle({ kind: 'campaign' })
    bench.flush()
    for (const pre of [true, false]) {
      bench.receive('b', 4, { kind: 'vote-reply', pre, granted: true })
      bench.flush()
    }
    assert.equal(bench.status.role, 'leader')
    bench.agree('b', 2)
    assert.equal(bench.status.commit, 0)
    bench.agree('b', 3)
    assert.equal(bench.status.commit, 3)
  })

  it('is refused where the entry before is not there, with a hint that passes over a term (thesis 3.5)', () => {
    const bench = new Bench({ log: logOf(1, 1, 4, 4, 4) })
    bench.receive('b', 6, append(9, 6, []))
    bench.receive('b', 6, append(5, 3, []))
    assert.deepEqual(
      bench.sent('append-reply').map(({ index, rejected }) => ({ index, rejected })),
      [
        { index: 9, rejected: { index: 5, term: 4 } },
        { index: 5, rejected: { index: 2, term: 1 } }
      ]
    )
  })

  it('finds in a few steps where two logs part', () => {
    const bench = new Bench({ log: logOf(1, 1, 1, 5, 5, 5, 5, 5, 5) })
    const term = bench.lead(['b'])
    bench.receive('c', term, { kind: 'append-reply', index: 9, rejected: { index: 9, term: 4 } })
    const { prevIndex, prevTerm } = bench.sent('append').filter(({ to }) => to === 'c')[0]!
    assert.deepEqual({ prevIndex, prevTerm }, { prevIndex: 3, prevTerm: 1 })
  })

  it('cuts off what conflicts, and nothing else (thesis, figure 3.1)', () => {
    const bench = new Bench({ log: logOf(1, 1, 1), hardState: { commit: 1 } })
    const log = logOf(1, 2)
    bench.receive('b', 2, append(1, 1, [log[1]!]))
    assert.deepEqual(
      bench.take().flatMap(({ write }) => write!.entries.map(({ index, term }) => `${index} in ${term}`)),
      ['2 in 2']
    )
    bench.receive('b', 2, append(2, 2, logOf(1, 2, 2).slice(2)))
    bench.receive('b', 2, append(1, 1, [log[1]!]))
    assert.equal(bench.status.last, 3, 'a late append takes away nothing')
  })

  it('never cuts off what is committed', () => {
    const bench = new Bench({ log: logOf(1, 1), hardState: { commit: 2 } })
    bench.receive('b', 2, append(0, 0, logOf(2, 2)))
    assert.equal(bench.sent('append-reply')[0]!.index, 2, 'the leader is told what is committed')
    assert.throws(() => bench.receive('b', 2, append(2, 1, [logOf(2, 2)[1]!])), RangeError)
  })

  it('lets a write count for what is still there, in the order of the writes', () => {
    const bench = new Bench({ voters: ['a', 'b'] })
    bench.receive('b', 1, append(0, 0, logOf(1, 1, 1), 3))
    const before = bench.take()[0]!.write!
    bench.handle({ kind: 'persisted', number: before.number })
    assert.deepEqual(
      bench.take()[0]!.committed.map(({ index }) => index),
      [1, 2, 3]
    )
    const other = new Bench({ voters: ['a', 'b', 'c'] })
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
    const bench = new Bench({ options: { maxInflight: 2, maxAppendBytes: 1 } })
    bench.lead()
    bench.flush()
    for (const data of ['1', '2', '3', '4']) bench.propose(data)
    const toB = (): string =>
      bench
        .sent('append')
        .filter(({ to, entries }) => to === 'b' && entries.length > 0)
        .map(({ entries }) => entries[0]!.index)
        .join()
    assert.equal(toB(), '2,3')
    bench.agree('b', 3)
    assert.equal(toB(), '4,5')
    const heavy = new Bench({ options: { maxInflightBytes: 50, maxAppendBytes: 1 } })
    heavy.lead()
    for (let i = 0; i < 5; i++) heavy.propose('x')
    assert.equal(heavy.sent('append').filter(({ to, entries }) => to === 'b' && entries.length > 0).length, 2)
  })

  it('asks again for what was lost, once the follower gives a sign', () => {
    const bench = new Bench()
    const term = bench.lead()
    bench.propose('lost')
    bench.flush()
    bench.handle({ kind: 'unreachable', peer: 'b' })
    bench.receive('b', term, { kind: 'heartbeat-reply', round: 1 })
    const [again] = bench.sent('append')
    assert.deepEqual([again!.to, again!.prevIndex, again!.entries.length], ['b', 1, 1])
  })

  it('refuses proposals where no leader is, and names it', () => {
    const bench = new Bench()
    bench.receive('b', 1, { kind: 'heartbeat', commit: 0, round: 1 })
    assert.deepEqual(bench.propose('x'), [{ kind: 'refused', reason: 'not-leader', leader: 'b' }])
  })

  it('tells by heartbeat no more to be committed than the follower has (thesis, figure 3.1)', () => {
    const bench = new Bench({ options: { heartbeatTicks: 2 } })
    bench.lead()
    bench.ticks(1)
    assert.deepEqual(bench.sent('heartbeat'), [])
    bench.ticks(1)
    assert.deepEqual(
      bench.sent('heartbeat').map(({ to, commit }) => `${to} ${commit}`),
      ['b 1', 'c 1']
    )
  })
})
