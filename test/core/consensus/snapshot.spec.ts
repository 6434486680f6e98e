import assert from 'node:assert/strict'
import type { Snapshot } from '../../../src/core/consensus/types.ts'
import { bytes, first, LoneNode, logOf } from './lone-node.ts'

const { configuration } = first(['a', 'b', 'c'])
const meta = { index: 7, term: 2, configuration }

/** A leader that has compacted all that it has applied. */
function compacted(): { node: LoneNode; snapshot: Snapshot } {
  const node = new LoneNode({ options: { chunkBytes: 4 } })
  node.lead()
  node.propose('x', 'y')
  node.flush()
  node.agree('b')
  node.flush()
  const snapshot = { ...node.raft.describe(3)!, data: bytes('0123456789') }
  node.handle({ kind: 'compact', index: 3, snapshot })
  return { node, snapshot }
}

describe('a snapshot (thesis 5)', () => {
  it('says which entry and configuration it stands for', () => {
    const { node, snapshot } = compacted()
    assert.deepEqual({ ...snapshot, data: undefined }, { index: 3, term: 1, configuration, data: undefined })
    assert.equal(node.raft.describe(2), undefined)
    assert.throws(() => node.raft.describe(4), RangeError)
    assert.throws(() => node.handle({ kind: 'compact', index: 4, snapshot: { ...snapshot, index: 4 } }), RangeError)
  })

  it('goes in parts to a follower that needs what is gone, each once the one before has arrived', () => {
    const { node } = compacted()
    node.receive('c', 1, { kind: 'append-reply', index: 3, rejected: { index: 0, term: 0 } })
    const parts = (): string[] =>
      node
        .sent('snapshot')
        .map(({ to, offset, total, data }) => `${to} ${offset}/${total} ${new TextDecoder().decode(data)}`)
    assert.deepEqual(parts(), ['c 0/10 0123'])
    node.receive('c', 1, { kind: 'snapshot-reply', index: 3, received: 4 })
    assert.deepEqual(parts(), ['c 4/10 4567'])
    node.receive('c', 1, { kind: 'heartbeat-reply', round: 1 })
    assert.deepEqual(parts(), [])
    node.receive('c', 1, { kind: 'heartbeat-reply', round: 2 })
    assert.deepEqual(parts(), ['c 4/10 4567'], 'nothing came of it since the last sign')
    node.receive('c', 1, { kind: 'snapshot-reply', index: 3, received: 8 })
    assert.deepEqual(parts(), ['c 8/10 89'])
    node.agree('c', 3)
    assert.equal(node.status.followers.find(({ peer }) => peer === 'c')!.state, 'replicate')
  })

  it('ends where its carrier says so', () => {
    for (const [ok, prevIndex] of [
      [true, 3],
      [false, undefined]
    ] as const) {
      const { node } = compacted()
      node.receive('c', 1, { kind: 'append-reply', index: 3, rejected: { index: 0, term: 0 } })
      node.flush()
      node.handle({ kind: 'snapshot-status', peer: 'c', ok })
      assert.deepEqual(node.flush(), [])
      node.receive('c', 1, { kind: 'heartbeat-reply', round: 1 })
      const [next] = node.flush()
      assert.equal(next!.kind === 'append' ? next!.prevIndex : undefined, prevIndex)
    }
  })

  it('takes the place of a log that does not lead to it, once it is all there and on disk', () => {
    const node = new LoneNode({ log: logOf(1, 1, 1) })
    node.receive('b', 3, { kind: 'snapshot', meta, offset: 0, total: 6, data: bytes('abc') })
    assert.equal(node.sent('snapshot-reply')[0]!.received, 3)
    node.receive('b', 3, { kind: 'snapshot', meta, offset: 0, total: 6, data: bytes('abc') })
    assert.equal(node.sent('snapshot-reply')[0]!.received, 3, 'a double is no news')
    node.receive('b', 3, { kind: 'snapshot', meta, offset: 3, total: 6, data: bytes('def') })
    const [ready] = node.take()
    assert.deepEqual(ready!.write!.snapshot, { ...meta, data: bytes('abcdef') })
    assert.deepEqual(ready!.write!.entries, [])
    assert.deepEqual(
      ready!.afterPersist.map((message) => message.kind === 'append-reply' && message.index),
      [7]
    )
    assert.deepEqual([node.status.commit, node.status.last], [7, 7])
  })

  it('starts again with another leader, whose bytes may be others', () => {
    const node = new LoneNode()
    node.receive('b', 3, { kind: 'snapshot', meta, offset: 0, total: 6, data: bytes('abc') })
    node.receive('c', 4, { kind: 'snapshot', meta, offset: 3, total: 6, data: bytes('def') })
    assert.deepEqual(
      node.sent('snapshot-reply').map(({ to, received }) => `${to} ${received}`),
      ['b 3', 'c 0']
    )
  })

  it('only commits where the log has its last entry, and is nothing where that is committed (figure 5.3)', () => {
    const node = new LoneNode({ log: logOf(1, 1, 2, 2, 2, 2, 2, 2) })
    node.receive('b', 3, { kind: 'snapshot', meta, offset: 0, total: 1, data: bytes('x') })
    assert.deepEqual([node.status.commit, node.status.last], [7, 8])
    assert.equal(node.take()[0]!.write!.snapshot, undefined)
    node.receive('b', 3, { kind: 'snapshot', meta: { ...meta, index: 3 }, offset: 0, total: 1, data: bytes('x') })
    assert.equal(node.sent('append-reply')[0]!.index, 7)
  })

  it('is where a new life begins, with the entries after it', () => {
    const snapshot = { ...meta, index: 2, term: 1, data: bytes('') }
    const node = new LoneNode({ snapshot, log: logOf(1, 1, 2, 2), hardState: { commit: 3 } })
    assert.deepEqual([node.status.commit, node.status.applied, node.status.last], [3, 2, 4])
    assert.deepEqual(
      node.take()[0]!.committed.map(({ index }) => index),
      [3]
    )
  })
})
