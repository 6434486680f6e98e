import assert from 'node:assert/strict'
import type { KeyValueGroup } from '../../../src/index.ts'
import { createMesh, type Mesh } from '../../../src/testing/index.ts'

describe('consensus: proposals and reads', () => {
  let mesh: Mesh
  let groups: KeyValueGroup[]

  beforeEach(async () => {
    mesh = await createMesh({ nodes: 4, seed: 7 })
    const voters = mesh.nodes.slice(0, 3).map(({ peerId }) => peerId)
    groups = await Promise.all(mesh.nodes.map((node) => node.consensus('config', { voters })))
  })
  afterEach(() => mesh.stop())

  it('commits what any host proposes, and any host reads it', async () => {
    const first = await groups[0]!.propose('limits.max', 40)
    assert.equal(typeof first.id, 'string')
    assert(first.index > 0 && first.term > 0)
    for (const group of groups) assert.equal(await group.read('limits.max'), 40)
    await groups[3]!.propose('limits.max', { from: 'a client', at: new Date(5) })
    for (const group of groups) {
      assert.deepEqual(await group.read('limits.max', { consistency: 'strong' }), { from: 'a client', at: new Date(5) })
    }
    assert.equal(await groups[3]!.read('nothing'), undefined)
  })

  it('compares and sets', async () => {
    const [a, , , client] = groups as [KeyValueGroup, KeyValueGroup, KeyValueGroup, KeyValueGroup]
    assert.equal(await a.compareAndSet('n', undefined, 1), true)
    assert.equal(await client.compareAndSet('n', 2, 3), false)
    assert.equal(await client.compareAndSet('n', 1, 3), true)
    assert.equal(await a.read('n'), 3)
    await a.propose('n', undefined)
    assert.equal(await client.read('n'), undefined)
  })
})
