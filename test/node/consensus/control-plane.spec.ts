import assert from 'node:assert/strict'
import { createNode } from '../../../src/index.ts'
import { createMesh } from '../../../src/testing/index.ts'

describe('the control plane', () => {
  it('is a group that every node opens at its start, as a voter or as a client', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 1, controlPlane: { voters: [0, 1, 2] } })
    const voters = mesh.nodes.slice(0, 3).map(({ peerId }) => String(peerId))
    const roles: string[] = []
    for (const node of mesh.nodes) {
      const [group] = node.consensusGroups()
      assert.equal(group!.name, 'control-plane')
      const same = await node.consensus('control-plane', { voters })
      await same.propose(node.name, 1)
      roles.push(same.status().role)
    }
    assert.deepEqual(roles.toSorted(), ['client', 'follower', 'follower', 'leader'])
    assert.equal(roles[3], 'client')
    const [first] = mesh.nodes
    await assert.rejects(first!.consensus('control-plane', { voters: voters.slice(1) }), { code: 'ERR_CONFIG' })
  })

  it('is not there unless it is asked for', async () => {
    await using mesh = await createMesh({ nodes: 2, seed: 1 })
    assert.deepEqual(mesh.nodes[0]!.consensusGroups(), [])
  })

  it('of one real node starts and stops with it', async () => {
    await using named = await createNode({ start: false })
    const node = await createNode({ controlPlane: { voters: [named.peerId] } })
    const [group] = node.consensusGroups()
    assert.equal(group!.status().role, 'client')
    assert.deepEqual(node.config.controlPlane.voters, [String(named.peerId)])
    await node.stop()
  })
})
