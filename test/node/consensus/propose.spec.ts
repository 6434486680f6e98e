import assert from 'node:assert/strict'
import { type KeyValueGroup, keyValue, type MachineGroup, type Node } from '../../../src/index.ts'
import { createMesh, type Mesh } from '../../../src/testing/index.ts'
import { Counter, openGroups } from './ground.ts'

describe('consensus: proposals and reads', () => {
  let mesh: Mesh
  let nodes: readonly [Node, Node, Node, Node]
  let groups: KeyValueGroup[]

  beforeEach(async () => {
    mesh = await createMesh({ nodes: 4, seed: 7 })
    nodes = mesh.nodes as unknown as typeof nodes
    groups = await openGroups(mesh, 3)
  })
  afterEach(() => mesh.stop())

  it('commits what any host proposes, and any host reads it', async () => {
    const first = await groups[0]!.propose('limits.max', 40)
    assert.deepEqual(Object.keys(first).sort(), ['id', 'index', 'result', 'term'])
    assert(first.index > 0 && first.term > 0)
    for (const group of groups) assert.equal(await group.read('limits.max'), 40)
    const value = { from: 'a client', at: new Date(5), bytes: Uint8Array.of(1, 2) }
    const second = await groups[3]!.propose('limits.max', value)
    assert(second.index > first.index)
    assert.notEqual(second.id, first.id)
    for (const group of groups) assert.deepEqual(await group.read('limits.max', { consistency: 'strong' }), value)
    assert.equal(await groups[3]!.read('nothing'), undefined)
  })

  it('compares and sets, and deletes', async () => {
    const [a, , , client] = groups as [KeyValueGroup, KeyValueGroup, KeyValueGroup, KeyValueGroup]
    assert.equal(await a.compareAndSet('n', undefined, 1), true)
    assert.equal(await client.compareAndSet('n', 2, 3), false)
    assert.equal(await client.compareAndSet('n', 1, 3), true)
    assert.equal(await a.read('n'), 3)
    await a.propose('n', undefined)
    assert.equal(await client.read('n'), undefined)
  })

  it('hands out copies: who changes what was read, or was proposed, changes nobody’s', async () => {
    const value = { list: [1] }
    const proposed = groups[0]!.propose('shared', value)
    value.list.push(2)
    await proposed
    for (const group of groups) ((await group.read('shared')) as typeof value).list.push(3)
    for (const group of groups) assert.deepEqual(await group.read('shared'), { list: [1] })
  })

  it('reads its own writes in a session, on each host', async () => {
    for (let i = 0; i < 20; i++) {
      const group = groups[i % 4]!
      await group.propose('own', i)
      assert.equal(await group.read('own', { consistency: 'session' }), i)
    }
  })

  it('takes many proposals at once, each with its own outcome', async () => {
    const proposed = await Promise.all(Array.from({ length: 3_000 }, (_, i) => groups[3]!.propose(`key-${i}`, i)))
    assert.equal(new Set(proposed.map(({ index }) => index)).size, 3_000)
    assert.equal(new Set(proposed.map(({ id }) => id)).size, 3_000)
    assert.equal(await groups[1]!.read('key-2999'), 2_999)
  })

  it('runs a machine of one’s own, with what it gives and what it throws', async () => {
    const voters = nodes.slice(0, 3).map(({ peerId }) => String(peerId))
    const counters: MachineGroup[] = await Promise.all(
      nodes.map((node) => node.consensus('counter', { voters, machine: new Counter() }))
    )
    assert.equal((await counters[0]!.propose({ add: 2 })).result, 2)
    assert.equal((await counters[3]!.propose({ add: 3 })).result, 5)
    await assert.rejects(counters[3]!.propose({ add: 'x' }), { code: 'ERR_NO_NUMBER', message: 'that is no number' })
    for (const group of counters) assert.deepEqual(await group.read('how much'), { asked: 'how much', total: 5 })
  })

  it('refuses what makes no sense, naming it', async () => {
    const wrong = (key: string) => ({ code: 'ERR_CONFIG', details: { key } })
    const voters = [String(nodes[0].peerId)]
    const open = (options: object, name: unknown = 'other') => nodes[0].consensus(name as string, options as never)
    await assert.rejects(open({ voters }, ''), wrong('group'))
    await assert.rejects(open({ voters }, 'x'.repeat(256)), wrong('group'))
    await assert.rejects(open({}), wrong('voters'))
    await assert.rejects(open({ voters: [] }), wrong('voters'))
    await assert.rejects(open({ voters: [7] }), wrong('voters[0]'))
    await assert.rejects(open({ voters: [...voters, ...voters] }), wrong('voters'))
    await assert.rejects(open({ voters, learners: voters }), wrong('learners'))
    await assert.rejects(open({ voters, machine: {} }), wrong('machine'))
    await assert.rejects(open({ voters, voter: 1 }), wrong('voter'))
    await assert.rejects(open(null as never), wrong('options'))
    const [group] = groups as [KeyValueGroup]
    await assert.rejects(group.propose(7 as never, 1), wrong('key'))
    await assert.rejects(group.propose('x', 1, { timeout: -1 }), wrong('timeout'))
    await assert.rejects(group.propose('x', 1, { tiemout: 1 } as object), wrong('tiemout'))
    await assert.rejects(group.read('x', { consistency: 'weak' as never }), wrong('consistency'))
    await assert.rejects(group.lock('x', { ttl: 1 }), wrong('ttl'))
    await assert.rejects(group.lock(''), wrong('name'))
    await assert.rejects(group.changeVoters([]), wrong('voters'))
    await assert.rejects(group.elect('x', {} as never), wrong('agent'))
    assert.throws(() => group.watch({ from: -1 }), wrong('from'))
    await assert.rejects(
      group.propose('x', () => {}),
      { code: 'ERR_UNREPRESENTABLE' }
    )
    await assert.rejects(group.propose('x', 1, { signal: AbortSignal.abort('no') }), {
      code: 'ERR_ABORTED',
      cause: 'no'
    })
  })

  it('is the same group for the same name, unless the options differ', async () => {
    const voters = nodes.slice(0, 3).map(({ peerId }) => peerId)
    const again = await nodes[0].consensus('config', { voters: voters.toReversed(), machine: keyValue() })
    await again.propose('same', 1)
    assert.equal(await groups[0]!.read('same', { consistency: 'session' }), 1)
    const differs = (key: string) => ({ code: 'ERR_CONFIG', details: { key, group: 'config' } })
    await assert.rejects(nodes[0].consensus('config', { voters: voters.slice(1) }), differs('voters'))
    await assert.rejects(nodes[0].consensus('config', { voters, learners: [nodes[3].peerId] }), differs('learners'))
    await assert.rejects(nodes[0].consensus('config', { voters, machine: new Counter() }), differs('machine'))
    assert.deepEqual(
      nodes[0].consensusGroups().map(({ name }) => name),
      ['config']
    )
  })

  it('ends every wait where the node stops', async () => {
    const voters = [nodes[3].peerId, nodes[2].peerId]
    const lonely = await nodes[3].consensus('lonely', { voters })
    const waiting = [lonely.propose('x', 1), lonely.read('x'), lonely.lock('x')].map((wait) =>
      assert.rejects(wait, { code: 'ERR_STOPPED' })
    )
    await nodes[3].stop({ drain: false })
    await Promise.all(waiting)
    await assert.rejects(lonely.propose('x', 1), { code: 'ERR_STOPPED' })
    await assert.rejects(lonely.read('x', { consistency: 'eventual' }), { code: 'ERR_STOPPED' })
    await assert.rejects(nodes[3].consensus('config', { voters }), { code: 'ERR_STOPPED' })
  })
})
