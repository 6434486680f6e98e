import assert from 'node:assert/strict'
import { createMesh } from '../../../src/testing/index.ts'
import { openGroups } from './ground.ts'

const PATIENT = { timeout: 30_000 }

describe('consensus: members that a host has never heard of', () => {
  it('are listened to by a voter that slept through the change, once a member that it knows vouches for them', async () => {
    await using mesh = await createMesh({ nodes: 6, seed: 4 })
    const ids = mesh.nodes.map(({ peerId }) => peerId)
    const groups = await openGroups(mesh, 3)
    await groups[5]!.propose('x', 1)
    mesh.partition([2], [0, 1, 3, 4, 5])
    // Nothing that is said now waits for it on a link.
    await mesh.advance(20_000)
    await groups[5]!.changeVoters([ids[2]!, ids[3]!, ids[4]!], PATIENT)
    await groups[5]!.propose('x', 2, PATIENT)
    mesh.heal()
    // With one of the newcomers gone the sleeper makes the majority.
    mesh.crash(3)
    await groups[5]!.propose('x', 3, PATIENT)
    assert.equal(await groups[2]!.read('x', PATIENT), 3)
    assert.deepEqual(
      groups[2]!.status().voters,
      [2, 3, 4].map((i) => String(ids[i]))
    )
  })

  it('take in a host that opened the group by its founders, though none of those is a member any more', async () => {
    await using mesh = await createMesh({ nodes: 6, seed: 6 })
    const ids = mesh.nodes.map(({ peerId }) => peerId)
    const groups = await openGroups(mesh, 2)
    await groups[5]!.propose('x', 1)
    await groups[5]!.changeVoters([ids[2]!, ids[3]!], PATIENT)
    await groups[5]!.changeVoters([ids[4]!], PATIENT)
    assert.equal(await groups[4]!.read('x', PATIENT), 1)
    assert.equal(groups[4]!.status().role, 'leader')
  })
})
