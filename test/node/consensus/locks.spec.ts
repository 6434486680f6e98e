import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ConsensusLock, Election, KeyValueGroup } from '../../../src/index.ts'
import { createMesh, type Mesh } from '../../../src/testing/index.ts'
import { leaderOf, openGroups } from './ground.ts'

describe('consensus: locks', () => {
  let mesh: Mesh
  let groups: KeyValueGroup[]

  beforeEach(async () => {
    mesh = await createMesh({ nodes: 5, seed: 21 })
    groups = await openGroups(mesh, 3)
    await groups[0]!.propose('ready', true)
  })
  afterEach(() => mesh.stop())

  it('are had one at a time, first come, first served, with rising tokens', async () => {
    const order: number[] = []
    const tokens: number[] = []
    let held = 0
    const waiting: Promise<void>[] = []
    for (const i of [0, 1, 2, 3, 4, 3, 4]) {
      waiting.push(
        groups[i]!.lock('migrate', { timeout: 60_000, ttl: 1_000 }).then(async (lock) => {
          assert.equal(held++, 0)
          order.push(i)
          tokens.push(lock.token)
          await mesh.sleep(2_500)
          assert.equal(lock.lost.aborted, false)
          held--
          await lock.release()
          assert.equal(lock.lost.aborted, false)
        })
      )
      await mesh.advance(200)
    }
    await Promise.all(waiting)
    assert.deepEqual(order, [0, 1, 2, 3, 4, 3, 4])
    assert.deepEqual(
      tokens,
      [...new Set(tokens)].toSorted((a, b) => a - b)
    )
  })

  it('are not had in time, or taken back: whoever waits behind is next', async () => {
    const first = await groups[0]!.lock('x')
    const from = mesh.now
    await assert.rejects(groups[1]!.lock('x', { timeout: 700 }), { code: 'ERR_LOCK_TIMEOUT', details: { name: 'x' } })
    assert(mesh.now - from < 800)
    const controller = new AbortController()
    const second = groups[2]!.lock('x', { signal: controller.signal })
    await mesh.advance(100)
    const third = groups[3]!.lock('x', { timeout: 30_000 })
    await mesh.advance(100)
    controller.abort('enough')
    await assert.rejects(second, { code: 'ERR_ABORTED', cause: 'enough' })
    await first.release()
    await first.release()
    assert((await third).token > first.token)
    // Others of another name are no matter.
    await (await groups[0]!.lock('y')).release()
  })

  it('are not waited for longer where the leader is this very node', async () => {
    const voters = [mesh.nodes[4]!.peerId]
    const alone = await mesh.nodes[4]!.consensus('alone', { voters })
    await using held = await alone.lock('x', { ttl: 1_000 })
    const from = mesh.now
    await assert.rejects(alone.lock('x', { timeout: 700 }), { code: 'ERR_LOCK_TIMEOUT' })
    assert(mesh.now - from < 800)
    assert.equal(held.lost.aborted, false)
  })

  it('are lost, by their holder’s clock, before anybody else has them', async () => {
    const leader = await leaderOf(mesh, groups)
    const cut = (leader + 1) % 3
    for (const holder of [4, cut]) {
      const lock = await groups[holder]!.lock('x', { ttl: 2_000 })
      await mesh.advance(5_000)
      assert.equal(lock.lost.aborted, false)
      let lostAt = 0
      lock.lost.addEventListener('abort', () => {
        lostAt = mesh.now
      })
      mesh.partition(
        [holder],
        [0, 1, 2, 3, 4].filter((other) => other !== holder)
      )
      const cutAt = mesh.now
      const next = await groups[3]!.lock('x', { ttl: 2_000, timeout: 30_000 })
      assert(lostAt > 0 && lostAt <= mesh.now, `lost at ${lostAt}, had by the next at ${mesh.now}`)
      assert(lostAt - cutAt <= 2_000)
      assert(next.token > lock.token)
      assert.equal(lock.lost.reason.code, 'ERR_LOCK_TIMEOUT')
      mesh.heal()
      await next.release()
      await mesh.advance(3_000)
    }
  })

  it('outlive the leader, whose successor gives all of the ttl again', async () => {
    const lock = await groups[4]!.lock('x', { ttl: 6_000 })
    const leader = await leaderOf(mesh, groups)
    mesh.crash(leader)
    const other = groups[3]!.lock('x', { ttl: 6_000, timeout: 60_000 })
    await mesh.advance(10_000)
    assert.equal(lock.lost.aborted, false)
    await lock.release({ timeout: 10_000 })
    assert((await other).token > lock.token)
  })

  it('of a host that stops are the next one’s at once, of one that dies after the ttl', async () => {
    await groups[4]!.lock('x', { ttl: 60_000 })
    const second = groups[3]!.lock('x', { ttl: 3_000, timeout: 120_000 })
    await mesh.advance(500)
    await mesh.nodes[4]!.stop({ drain: false })
    const from = mesh.now
    await second
    assert(mesh.now - from < 2_000)
    mesh.crash(3)
    const third = await groups[1]!.lock('x', { ttl: 3_000, timeout: 60_000 })
    assert(mesh.now - from < 10_000)
    await third.release()
  })

  it('are disposed of', async () => {
    let kept: ConsensusLock
    {
      await using lock = await groups[3]!.lock('x')
      kept = lock
      assert.equal(kept.name, 'x')
    }
    await using again = await groups[4]!.lock('x', { timeout: 1_000 })
    assert(again.token > kept.token)
  })
})

describe('consensus: elections', () => {
  it('have one leader, whose successor takes over when it dies, resigns or is closed', async () => {
    await using mesh = await createMesh({ nodes: 6, seed: 4 })
    const groups = await openGroups(mesh, 3)
    const agents = await Promise.all(mesh.nodes.map((node, i) => node.agent(`planner ${i}`)))
    const first = await groups[5]!.elect('scheduler', agents[5]!, { ttl: 2_000 })
    const peer = (i: number): string => String(mesh.nodes[i]!.peerId)
    assert.deepEqual({ ...first.leader, token: 0 }, { agent: 'planner 5', peer: peer(5), token: 0 })
    assert.equal(first.isLeader, true)

    const second = await groups[4]!.elect('scheduler', agents[4]!, { ttl: 2_000 })
    assert.deepEqual(second.leader, first.leader)
    assert.equal(second.isLeader, false)
    await mesh.advance(200)
    const third = await groups[3]!.elect('scheduler', agents[3]!, { ttl: 2_000 })
    await mesh.advance(200)
    const fourth = await groups[0]!.elect('scheduler', agents[0]!, { ttl: 2_000 })
    const changes = fourth.changes()

    mesh.crash(5)
    const { value: next } = await changes.next()
    assert.deepEqual({ ...next, token: 0 }, { agent: 'planner 4', peer: peer(4), token: 0 })
    assert(next.token > first.leader.token)
    await leading(mesh, second)

    await second.resign()
    assert.equal((await changes.next()).value.agent, 'planner 3')
    assert.equal(second.isLeader, false)
    await leading(mesh, third)

    await agents[3]!.close()
    assert.equal((await changes.next()).value.agent, 'planner 0')
    await leading(mesh, fourth)
    assert.equal(fourth.lost.aborted, false)
    await fourth[Symbol.asyncDispose]()
    assert.deepEqual(await changes.next(), { done: true, value: undefined })
  })

  it('tell a leader that is cut off before another leads, and take it as a candidate again', async () => {
    await using mesh = await createMesh({ nodes: 5, seed: 9 })
    const groups = await openGroups(mesh, 3)
    const agents = await Promise.all(mesh.nodes.map((node) => node.agent('planner')))
    const first = await groups[4]!.elect('scheduler', agents[4]!, { ttl: 2_000 })
    const second = await groups[3]!.elect('scheduler', agents[3]!, { ttl: 2_000 })
    const changes = second.changes()
    const { lost } = first
    const gone = once(lost, 'abort').then(() => mesh.now)
    mesh.partition([4], [0, 1, 2, 3])
    await changes.next()
    assert(lost.aborted && (await gone) <= mesh.now)
    assert.equal(first.isLeader, false)
    await leading(mesh, second)
    mesh.heal()
    await mesh.advance(10_000)
    assert.deepEqual(first.leader, second.leader)
    await second.resign()
    await leading(mesh, first)
    assert.equal(first.lost.aborted, false)
    assert(first.leader.token > second.leader.token)
  })

  it('take agents of this node alone, and end in time', async () => {
    await using mesh = await createMesh({ nodes: 3, seed: 9 })
    const groups = await openGroups(mesh, 3)
    const [agent, closed] = [await mesh.nodes[0]!.agent('a'), await mesh.nodes[0]!.agent('b')]
    const wrong = { code: 'ERR_CONFIG', details: { key: 'agent' } }
    await assert.rejects(groups[1]!.elect('x', agent), wrong)
    await closed.close()
    await assert.rejects(groups[0]!.elect('x', closed), wrong)
    mesh.partition([0], [1, 2])
    await assert.rejects(groups[0]!.elect('x', agent, { timeout: 2_000 }), { code: 'ERR_NO_QUORUM' })
    mesh.heal()
    // Whoever gave up does not lead.
    const other = await groups[1]!.elect('x', await mesh.nodes[1]!.agent('c'), { timeout: 60_000 })
    assert.equal(other.leader.agent, 'c')
  })
})

/** What others have learnt the candidate may still be told. */
async function leading(mesh: Mesh, election: Election): Promise<void> {
  while (!election.isLeader) await mesh.advance(10)
}
