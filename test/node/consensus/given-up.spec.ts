import assert from 'node:assert/strict'
import { createMesh } from '../../../src/testing/index.ts'
import { openGroups } from './ground.ts'

describe('consensus: what is given up for its holder', () => {
  it('tells by its signal that a leader’s agent was closed, before another leads', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 2 })
    const groups = await openGroups(mesh, 3)
    const planner = await mesh.nodes[3]!.agent('planner')
    const election = await groups[3]!.elect('scheduler', planner)
    const other = await groups[0]!.elect('scheduler', await mesh.nodes[0]!.agent('other'))
    const { lost } = election
    assert.equal(election.isLeader && !lost.aborted, true)
    const next = other.changes().next()
    await planner.close()
    assert.equal((await next).value.agent, 'other')
    assert.equal(lost.aborted, true)
    assert.equal(lost.reason.code, 'ERR_ABORTED')
    // Who never led has nothing to lose.
    const third = await groups[1]!.elect('scheduler', await mesh.nodes[1]!.agent('third'))
    await third.resign()
    assert.equal(third.lost.aborted, false)
  })

  it('tells the holder of a lock that its node stops; whoever releases it knows', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 2 })
    const groups = await openGroups(mesh, 3)
    const released = await groups[3]!.lock('released')
    await released.release()
    const { lost } = await groups[3]!.lock('held', { ttl: 60_000 })
    const next = groups[0]!.lock('held', { timeout: 10_000 })
    await mesh.nodes[3]!.stop()
    await next
    assert.equal(lost.aborted, true)
    assert.equal(lost.reason.code, 'ERR_STOPPED')
    assert.equal(released.lost.aborted, false)
  })
})
