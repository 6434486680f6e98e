import assert from 'node:assert/strict'
import type { MachineGroup, MeshError, NodeEvent } from '../../../src/index.ts'
import { createMesh } from '../../../src/testing/index.ts'
import { Counter, leaderOf, openGroups } from './ground.ts'

describe('consensus: faults', () => {
  it('refuses writes and strong reads without a majority, reads on eventually, and heals by itself', async () => {
    await using mesh = await createMesh({ nodes: 6, seed: 3 })
    const groups = await openGroups(mesh, 5)
    await groups[0]!.propose('x', 1)
    await mesh.advance(1_000)
    mesh.partition([0, 1, 5], [2, 3, 4])
    for (const i of [0, 1, 5]) {
      const group = groups[i]!
      const from = mesh.now
      await assert.rejects(group.propose('x', 2, { timeout: 3_000 }), { code: 'ERR_NO_QUORUM', retryable: true })
      assert(mesh.now - from < 3_100)
      await assert.rejects(group.read('x', { timeout: 1_000 }), { code: 'ERR_NO_QUORUM' })
      await assert.rejects(group.lock('x', { timeout: 1_000 }), { code: 'ERR_LOCK_TIMEOUT', retryable: true })
      assert.equal(await group.read('x', { consistency: 'eventual' }), 1)
      assert.equal(await group.read('x', { consistency: 'session' }), 1)
    }
    await assert.rejects(groups[0]!.changeVoters([mesh.nodes[0]!.peerId], { timeout: 1_000 }), {
      code: 'ERR_NO_QUORUM'
    })
    // The majority goes on.
    await groups[3]!.propose('y', 3)
    // What waits when it heals is done.
    const waiting = groups[0]!.propose('z', 4, { timeout: 60_000 })
    mesh.heal()
    await waiting
    for (const group of groups) {
      await group.propose('x', 5, { timeout: 60_000 })
      assert.equal(await group.read('y'), 3)
      assert.equal(await group.read('z'), 4)
    }
  })

  it('goes on when the leader dies', async () => {
    await using mesh = await createMesh({ nodes: 6, seed: 5 })
    const groups = await openGroups(mesh, 5)
    await groups[5]!.propose('x', 1)
    for (let died = 0; died < 2; died++) {
      const leader = await leaderOf(mesh, groups)
      const waiting = groups[5]!.propose('x', died, { timeout: 30_000 })
      mesh.crash(leader, { silent: died === 1 })
      groups.splice(leader, 1, { status: () => ({ role: 'client' }) } as never)
      await waiting
      assert.equal(await groups[5]!.read('x'), died)
    }
    const leader = await leaderOf(mesh, groups)
    assert.equal(groups[leader]!.status().leader, String(mesh.nodes[leader]!.peerId))
  })

  it('applies a retry once, whatever answers are lost', async () => {
    await using mesh = await createMesh({ nodes: 5, seed: 11, latency: [1, 40] })
    const voters = mesh.nodes.slice(0, 3).map(({ peerId }) => peerId)
    const groups: MachineGroup[] = await Promise.all(
      mesh.nodes.map((node) => node.consensus('counter', { voters, machine: new Counter() }))
    )
    await groups[4]!.propose({ add: 0 })
    const results: number[] = []
    for (let round = 0; round < 12; round++) {
      const proposed = groups.flatMap((group) => [1, 2, 3].map(() => group.propose({ add: 1 }, { timeout: 120_000 })))
      // Some of them are under way, some committed and not answered.
      await mesh.advance(5 + 13 * round)
      const cut = round % 5
      mesh.partition(
        [cut],
        [0, 1, 2, 3, 4].filter((other) => other !== cut)
      )
      await mesh.advance(2_500)
      mesh.heal()
      results.push(...(await Promise.all(proposed)).map(({ result }) => result as number))
    }
    assert.deepEqual(await groups[3]!.read(undefined), { asked: undefined, total: 180 })
    assert.deepEqual(
      results.toSorted((a, b) => a - b),
      Array.from({ length: 180 }, (_, i) => i + 1)
    )
  })

  it('goes on as a client where a member’s own disk fails', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 2, disks: true })
    const failed = mesh.nodes[0]!.events()
    const groups = await openGroups(mesh, 3)
    await groups[0]!.propose('x', 1)
    await groups[0]!.transferLeadership(mesh.nodes[0]!.peerId).catch(() => {})
    mesh.disk(0).readOnly = true
    await groups[0]!.propose('x', 2, { timeout: 20_000 })
    await groups[1]!.propose('x', 3, { timeout: 20_000 })
    let told: NodeEvent | undefined
    for await (const event of failed) if ((told = event).kind === 'consensus-failed') break
    assert(told?.kind === 'consensus-failed')
    const { code, message } = told
    assert.deepEqual([told.group, code], ['config', 'ERR_STORAGE'])
    const { role, ended } = groups[0]!.status()
    assert.deepEqual([role, ended], ['client', { code, message }])
    assert.equal(groups[1]!.status().ended, undefined)
    await groups[0]!.propose('x', 4, { timeout: 20_000 })
    for (const consistency of ['strong', 'session', 'eventual'] as const) {
      assert.equal(await groups[0]!.read('x', { consistency, timeout: 20_000 }), 4)
    }
  })

  it('says what ended it where nobody else is there to ask, and begins again with the node', async () => {
    await using mesh = await createMesh({ nodes: 1, seed: 2, disks: true })
    const [group] = await openGroups(mesh, 1)
    await group!.propose('x', 1)
    mesh.disk(0).syncFailure = 1
    const failure = { code: 'ERR_NO_QUORUM', details: { group: 'config', ended: 'ERR_STORAGE' } }
    await assert.rejects(group!.propose('x', 2, { timeout: 1_000 }), (error: MeshError) => {
      assert.deepEqual({ code: error.code, details: error.details }, failure)
      assert.match(error.message, /own part in it has ended: what was written did not reach the disk \(EIO\)/)
      assert.equal((error.cause as MeshError).code, 'ERR_STORAGE')
      return true
    })
    mesh.disk(0).syncFailure = 0
    await assert.rejects(group!.propose('x', 3, { timeout: 1_000 }), { code: 'ERR_NO_QUORUM' })
    await mesh.restart(0)
    const [again] = await openGroups(mesh, 1)
    await again!.propose('y', 1, { timeout: 20_000 })
    // Nobody knows what a disk has whose sync failed.
    assert([1, 2].includes((await again!.read('x')) as number))
    assert.equal(again!.status().ended, undefined)
  })

  it('tells who leads, once a term', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 2 })
    const told: NodeEvent[] = []
    void (async () => {
      for await (const event of mesh.nodes[0]!.events()) if (event.kind === 'consensus-leader') told.push(event)
    })()
    const groups = await openGroups(mesh, 3)
    await groups[0]!.propose('x', 1)
    await groups[0]!.transferLeadership()
    await groups[0]!.propose('x', 2)
    await mesh.advance(1_000)
    const terms = told.map((event) => (event.kind === 'consensus-leader' ? event.term : 0))
    assert(terms.length >= 2)
    assert.deepEqual(terms, [...new Set(terms)])
    const { leader, term } = groups[0]!.status()
    assert.deepEqual({ ...told.at(-1), at: 0 }, { at: 0, kind: 'consensus-leader', group: 'config', term, leader })
  })
})
