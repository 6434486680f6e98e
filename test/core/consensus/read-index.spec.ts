import assert from 'node:assert/strict'
import { LoneNode, logOf } from './lone-node.ts'

/** The reads that are answered, and those that are given up, as they come. */
function reads(node: LoneNode): { confirmed: string[]; abandoned: number[] } {
  node.readies.length = 0
  node.flush()
  const confirmed = node.readies.flatMap((ready) => ready.reads.map(({ context, index }) => `${context} at ${index}`))
  return { confirmed, abandoned: node.readies.flatMap(({ abandonedReads }) => abandonedReads) }
}

const read = (node: LoneNode, context: number) => node.handle({ kind: 'read', context })

describe('a read (thesis 6.4)', () => {
  it('waits until a quorum has answered a heartbeat that left after it began', () => {
    const node = new LoneNode()
    const term = node.lead()
    node.ticks(1)
    const before = node.sent('heartbeat')[0]!.round
    read(node, 1)
    const { round } = node.sent('heartbeat')[0]!
    assert.ok(round > before)
    node.receive('b', term, { kind: 'heartbeat-reply', round: before })
    assert.deepEqual(reads(node).confirmed, [])
    node.receive('b', term, { kind: 'heartbeat-reply', round })
    assert.deepEqual(reads(node).confirmed, ['1 at 1'])
  })

  it('shares a round with all that begin before it leaves', () => {
    const node = new LoneNode()
    const term = node.lead()
    read(node, 1)
    read(node, 2)
    const rounds = node.sent('heartbeat').map(({ to, round }) => `${to} ${round}`)
    assert.equal(rounds.length, 2)
    node.receive('c', term, { kind: 'heartbeat-reply', round: Number(rounds[0]!.slice(2)) })
    assert.deepEqual(reads(node).confirmed, ['1 at 1', '2 at 1'])
  })

  it('waits for the first entry of the leader’s term to be committed', () => {
    const node = new LoneNode({ voters: ['a'], log: logOf(1, 1), hardState: { term: 1 } })
    node.handle({ kind: 'campaign' })
    node.handle({ kind: 'persisted', number: node.take()[0]!.write!.number })
    assert.equal(node.status.role, 'leader')
    read(node, 1)
    const batch = node.take()
    assert.deepEqual(
      batch.flatMap((ready) => ready.reads),
      []
    )
    node.handle({ kind: 'persisted', number: batch.at(-1)!.write!.number })
    assert.deepEqual(reads(node).confirmed, ['1 at 3'])
  })

  it('is given up when the leader is none any more, and refused by whoever is none', () => {
    const node = new LoneNode()
    const term = node.lead()
    read(node, 1)
    node.receive('b', term + 1, { kind: 'heartbeat', commit: 1, round: 1 })
    assert.deepEqual(reads(node), { confirmed: [], abandoned: [1] })
    assert.deepEqual(read(node, 2), [{ kind: 'refused', reason: 'not-leader', leader: 'b' }])
  })

  it('is served at once under a lease, from when the heartbeats left that a quorum answered (6.4.1)', () => {
    const node = new LoneNode({ options: { lease: 80 } })
    const term = node.lead()
    node.now = 1_000
    node.ticks(1)
    const { round } = node.sent('heartbeat')[0]!
    node.now = 1_050
    node.receive('b', term, { kind: 'heartbeat-reply', round })
    node.now = 1_079
    read(node, 1)
    assert.deepEqual(reads(node).confirmed, ['1 at 1'])
    node.now = 1_080
    read(node, 2)
    assert.deepEqual(reads(node).confirmed, [])
  })

  it('trusts no lease once an election by force is asked for', () => {
    const node = new LoneNode({ options: { lease: 80 } })
    const term = node.lead()
    node.ticks(1)
    node.receive('b', term, { kind: 'heartbeat-reply', round: node.sent('heartbeat')[0]!.round })
    node.handle({ kind: 'transfer', to: 'b' })
    assert.equal(node.sent('timeout-now').length, 1)
    read(node, 1)
    assert.deepEqual(reads(node).confirmed, [])
  })

  it('is what leases rely on that a node just started votes for nobody', () => {
    const vote = { kind: 'vote', pre: false, force: false, lastIndex: 9, lastTerm: 9 } as const
    const node = new LoneNode({ options: { lease: 80, electionTicks: 10 } })
    node.receive('b', 9, vote)
    assert.deepEqual(node.flush(), [])
    node.ticks(10)
    node.receive('b', 9, vote)
    assert.equal(node.sent('vote-reply')[0]!.granted, true)
  })
})
