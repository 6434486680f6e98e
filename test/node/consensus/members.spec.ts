import assert from 'node:assert/strict'
import type { KeyValueGroup } from '../../../src/index.ts'
import { createMesh, type Mesh } from '../../../src/testing/index.ts'
import { leaderOf, openGroups } from './ground.ts'

const rolesOf = (groups: readonly KeyValueGroup[]): string[] => groups.map((group) => group.status().role)

async function until(mesh: Mesh, holds: () => boolean): Promise<void> {
  while (!holds()) await mesh.advance(100)
}

describe('consensus: members', () => {
  it('says what each host is to the group', async () => {
    await using mesh = await createMesh({ nodes: 5, seed: 2 })
    const ids = mesh.nodes.map(({ peerId }) => String(peerId))
    const options = { voters: ids.slice(0, 3), learners: [ids[3]!] }
    const groups = await Promise.all(mesh.nodes.map((node) => node.consensus('config', options)))
    const { index, term } = await groups[4]!.propose('x', 1)
    const leader = await leaderOf(mesh, groups)
    await until(mesh, () => groups.slice(0, 4).every((group) => group.status().applied >= index))
    for (const [i, group] of groups.entries()) {
      const { role, voters, learners, ...status } = group.status()
      assert.equal(role, i === leader ? 'leader' : ['follower', 'follower', 'follower', 'learner', 'client'][i])
      assert.deepEqual({ voters, learners }, options)
      assert.equal(status.leader, ids[leader])
      assert.equal(status.term, term)
      assert(status.commit >= index || i === 4)
      assert.equal(status.progress.length, i === leader ? 3 : 0)
    }
    const peers = groups[leader]!.status().progress.map(({ peer }) => peer)
    assert.deepEqual(peers.toSorted(), [0, 1, 2, 3].flatMap((i) => (i === leader ? [] : [ids[i]!])).toSorted())
    // A learner has all there is.
    assert.equal(await groups[3]!.read('x', { consistency: 'eventual' }), 1)
  })

  it('changes voters: clients become members, members clients, and nothing is lost', async () => {
    await using mesh = await createMesh({ nodes: 6, seed: 2 })
    const ids = mesh.nodes.map(({ peerId }) => peerId)
    const groups = await openGroups(mesh, 3)
    for (let i = 0; i < 50; i++) await groups[5]!.propose(`key ${i}`, i)
    await groups[5]!.changeVoters([ids[2]!, ids[3]!, ids[4]!], { learners: [ids[0]!] })
    await groups[5]!.propose('x', 1)
    const leads = (): number => rolesOf(groups).filter((role) => role === 'leader').length
    await until(mesh, () => leads() === 1 && rolesOf(groups)[0] === 'learner')
    // Nobody tells who was left out: it finds out that others lead, and what it watches goes on.
    await until(mesh, () => rolesOf(groups)[1] === 'client')
    const watched = groups[1]!.watch()
    const next = watched.next()
    await mesh.advance(100)
    await groups[5]!.propose('z', 1)
    assert.equal((await next).value.key, 'z')
    for (const i of [2, 3, 4]) assert(['leader', 'follower'].includes(rolesOf(groups)[i]!))
    for (const group of groups) {
      assert.equal(await group.read('key 49', { timeout: 20_000 }), 49)
      assert.equal(await group.read('x', { timeout: 20_000 }), 1)
      await group.propose('y', 2, { timeout: 20_000 })
    }
    // The former majority is not needed any more.
    mesh.partition([0, 1], [2, 3, 4, 5])
    await groups[5]!.propose('y', 3, { timeout: 20_000 })
    for (const i of [2, 3, 4]) assert.equal(await groups[i]!.read('y', { timeout: 20_000 }), 3)
    mesh.heal()
    await groups[5]!.changeVoters(ids.slice(0, 3), { timeout: 60_000 })
    await until(mesh, () => rolesOf(groups).slice(0, 3).toSorted().join() === 'follower,follower,leader')
    assert.equal(await groups[1]!.read('y', { timeout: 20_000 }), 3)
  })

  it('keeps its voters where a new one has not opened the group', async () => {
    await using mesh = await createMesh({ nodes: 5, seed: 2 })
    const ids = mesh.nodes.map(({ peerId }) => peerId)
    const voters = ids.slice(0, 3)
    const groups = await Promise.all(mesh.nodes.slice(0, 4).map((node) => node.consensus('config', { voters })))
    await groups[3]!.propose('x', 1)
    await assert.rejects(groups[3]!.changeVoters([ids[2]!, ids[3]!, ids[4]!]), {
      code: 'ERR_PEER_UNREACHABLE',
      retryable: true,
      message: `the voters of config stay as they are, since ${ids[4]} does not answer: has it opened the group?`
    })
    const leader = await leaderOf(mesh, groups)
    assert.deepEqual(groups[leader]!.status().voters, voters.map(String))
    assert.deepEqual(groups[leader]!.status().learners, [])
    await groups[3]!.propose('x', 2)
    groups.push(await mesh.nodes[4]!.consensus('config', { voters }))
    await groups[3]!.changeVoters([ids[2]!, ids[3]!, ids[4]!])
    mesh.partition([0, 1], [2, 3, 4])
    assert.equal(await groups[4]!.read('x', { timeout: 20_000 }), 2)
  })

  it('tells clients who the members are now, by whomever they ask', async () => {
    await using mesh = await createMesh({ nodes: 7, seed: 2 })
    const ids = mesh.nodes.map(({ peerId }) => peerId)
    const groups = await openGroups(mesh, 3)
    await groups[6]!.propose('x', 1)
    await groups[5]!.changeVoters([ids[2]!, ids[3]!, ids[4]!])
    // Of those that the client knew of one is left; of those that it has to learn of, two.
    for (const i of [0, 1, 2]) {
      mesh.crash(i)
      await groups[6]!.propose('x', i, { timeout: 30_000 })
    }
    assert.equal(await groups[6]!.read('x', { timeout: 20_000 }), 2)
    for (const consistency of ['session', 'eventual'] as const) {
      assert.equal(await groups[6]!.read('x', { consistency, timeout: 20_000 }), 2)
    }
  })

  it('hands leadership over, to whoever is named or to anybody', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 2 })
    const ids = mesh.nodes.map(({ peerId }) => peerId)
    const groups = await openGroups(mesh, 3)
    await groups[3]!.propose('x', 1)
    for (const heir of [0, 1, 2, 0]) {
      if ((await leaderOf(mesh, groups)) === heir) continue
      await groups[3]!.transferLeadership(ids[heir]!)
      await until(mesh, () => groups[heir]!.status().role === 'leader')
      await groups[3]!.propose('x', heir)
    }
    const before = await leaderOf(mesh, groups)
    await groups[before]!.transferLeadership()
    await until(mesh, () => rolesOf(groups).some((role, i) => role === 'leader' && i !== before))
    await assert.rejects(groups[3]!.transferLeadership(ids[3]!), { code: 'ERR_CONFIG' })
    await assert.rejects(groups[3]!.transferLeadership(7 as never), { code: 'ERR_CONFIG', details: { key: 'to' } })
  })

  it('asks whoever has opened the group, where others have not yet', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 2 })
    const voters = mesh.nodes.slice(0, 3).map(({ peerId }) => peerId)
    const client = await mesh.nodes[3]!.consensus('config', { voters })
    await assert.rejects(client.propose('x', 0, { timeout: 500 }), { code: 'ERR_NO_QUORUM' })
    const waiting = client.propose('x', 1, { timeout: 30_000 })
    await mesh.nodes[0]!.consensus('config', { voters })
    await mesh.advance(2_000)
    await mesh.nodes[1]!.consensus('config', { voters })
    await waiting
    assert.equal(await client.read('x'), 1)
  })

  it('remembers its members and what it holds, and refuses a list that is neither', async () => {
    await using mesh = await createMesh({ nodes: 4, seed: 2, disks: true })
    const ids = mesh.nodes.map(({ peerId }) => peerId)
    const groups = await openGroups(mesh, 3)
    await groups[3]!.propose('x', 1)
    await mesh.restart(0)
    const other = mesh.nodes[0]!.consensus('config', { voters: [ids[0]!, ids[1]!, ids[3]!] })
    await assert.rejects(other, { code: 'ERR_VOTERS_MISMATCH' })
    const again = await mesh.nodes[0]!.consensus('config', { voters: ids.slice(0, 3) })
    await again.propose('y', 2, { timeout: 20_000 })
    assert.equal(await again.read('x'), 1)
    for (const i of [0, 1, 2]) await mesh.restart(i)
    const later = await openGroups(mesh, 3)
    for (const group of later) assert.equal(await group.read('y', { timeout: 20_000 }), 2)
  })
})
