import assert from 'node:assert/strict'
import { Cluster } from './group.ts'

describe('a replica', () => {
  it('elects a leader with the others, commits what is proposed, and applies it everywhere', async () => {
    await using cluster = await Cluster.of(3, { disks: {} })
    const committed = await cluster.propose('one', 'two', 'three!')
    assert.deepEqual(
      committed.map(({ outcome }) => outcome.ok),
      [true, true, false]
    )
    assert.deepEqual(await cluster.agree(2), ['one', 'two'])
  })
})
