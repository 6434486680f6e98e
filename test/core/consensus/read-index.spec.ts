import assert from 'node:assert/strict'
import { Bench, logOf } from './bench.ts'

/** The reads that are answered, and those that are given up, as they come. */
function reads(bench: Bench): { confirmed: string[]; abandoned: number[] } {
  bench.readies.length = 0
  bench.flush()
  const confirmed = bench.readies.flatMap((ready) => ready.reads.map(({ context, index }) => `${context} at ${index}`))
  return { confirmed, abandoned: bench.readies.flatMap(({ abandonedReads }) => abandonedReads) }
}

const read = (bench: Bench, context: number) => bench.handle({ kind: 'read', context })

describe('a read (thesis 6.4)', () => {
  it('waits until a quorum has answered a heartbeat that left after it began', () => {
    const bench = new Bench()
    const term = bench.lead()
    bench.ticks(1)
    const before = bench.sent('heartbeat')[0]!.round
    read(bench, 1)
    const { round } = bench.sent('heartbeat')[0]!
    assert.ok(round > before)
    bench.receive('b', term, { kind: 'heartbeat-reply', round: before })
    assert.deepEqual(reads(bench).confirmed, [])
    bench.receive('b', term, { kind: 'heartbeat-reply', round })
    assert.deepEqual(reads(bench).confirmed, ['1 at 1'])
  })

  it('shares a round with all that begin before it leaves', () => {
    const bench = new Bench()
    const term = bench.lead()
    read(bench, 1)
    read(bench, 2)
    const rounds = bench.sent('heartbeat').map(({ to, round }) => `${to} ${round}`)
    assert.equal(rounds.length, 2)
    bench.receive('c', term, { kind: 'heartbeat-reply', round: Number(rounds[0]!.slice(2)) })
    assert.deepEqual(reads(bench).confirmed, ['1 at 1', '2 at 1'])
  })

  it('waits for the first entry of the leader’s term to be committed', () => {
    const bench = new Bench({ voters: ['a'], log: logOf(1, 1), hardState: { term: 1 } })
    bench.handle({ kind: 'campaign' })
    bench.handle({ kind: 'persisted', number: bench.take()[0]!.write!.number })
    assert.equal(bench.status.role, 'leader')
    read(bench, 1)
    const batch = bench.take()
    assert.deepEqual(
      batch.flatMap((ready) => ready.reads),
      []
    )
    bench.handle({ kind: 'persisted', number: batch.at(-1)!.write!.number })
    assert.deepEqual(reads(bench).confirmed, ['1 at 3'])
  })

  it('is given up when the leader is none any more, and refused by whoever is none', () => {
    const bench = new Bench()
    const term = bench.lead()
    read(bench, 1)
    bench.receive('b', term + 1, { kind: 'heartbeat', commit: 1, round: 1 })
    assert.deepEqual(reads(bench), { confirmed: [], abandoned: [1] })
    assert.deepEqual(read(bench, 2), [{ kind: 'refused', reason: 'not-leader', leader: 'b' }])
  })

  it('is served at once under a lease, from when the heartbeats left that a quorum answered (6.4.1)', () => {
    const bench = new Bench({ options: { lease: 80 } })
    const term = bench.lead()
    bench.now = 1_000
    bench.ticks(1)
    const { round } = bench.sent('heartbeat')[0]!
    bench.now = 1_050
    bench.receive('b', term, { kind: 'heartbeat-reply', round })
    bench.now = 1_079
    read(bench, 1)
    assert.deepEqual(reads(bench).confirmed, ['1 at 1'])
    bench.now = 1_080
    read(bench, 2)
    assert.deepEqual(reads(bench).confirmed, [])
  })

  it('trusts no lease once an election by force is asked for', () => {
    const bench = new Bench({ options: { lease: 80 } })
    const term = bench.lead()
    bench.ticks(1)
    bench.receive('b', term, { kind: 'heartbeat-reply', round: bench.sent('heartbeat')[0]!.round })
    bench.handle({ kind: 'transfer', to: 'b' })
    assert.equal(bench.sent('timeout-now').length, 1)
    read(bench, 1)
    assert.deepEqual(reads(bench).confirmed, [])
  })

  it('is what leases rely on that a node just started votes for nobody', () => {
    const vote = { kind: 'vote', pre: false, force: false, lastIndex: 9, lastTerm: 9 } as const
    const bench = new Bench({ options: { lease: 80, electionTicks: 10 } })
    bench.receive('b', 9, vote)
    assert.deepEqual(bench.flush(), [])
    bench.ticks(10)
    bench.receive('b', 9, vote)
    assert.equal(bench.sent('vote-reply')[0]!.granted, true)
  })
})
