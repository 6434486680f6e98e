import assert from 'node:assert/strict'
import { createNode, type Node } from '../../src/index.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { type Mesh, meshOf } from '../kit/mesh.ts'
import { record } from '../kit/record.ts'
import { until } from '../kit/until.ts'

describe('what a node knows', function () {
  this.timeout(30_000)
  let mesh: Mesh<[object, object]>
  let a: Node
  let b: Node

  before(async () => {
    mesh = await meshOf({ name: 'here', region: 'eu', zone: 'eu-a' }, { name: 'there', region: 'eu', zone: 'eu-b' })
    ;[a, b] = mesh.nodes
  })
  after(() => mesh[Symbol.asyncDispose]())

  it('is told by peers(): the others, where they stand, what they host, how far they are', async () => {
    await b.agent('worker')
    await b.agent('worker')
    await b.agent('planner')
    await until('a round trip', () => a.peers()[0]?.rtt !== undefined)
    const [peer, ...more] = a.peers()
    assert.equal(more.length, 0)
    assert.deepEqual(
      { ...peer, rtt: 0, agents: peer!.agents.toSorted() },
      {
        peerId: String(b.peerId),
        name: 'there',
        region: 'eu',
        zone: 'eu-b',
        rtt: 0,
        agents: ['planner', 'worker'],
        transport: 'tcp'
      }
    )
    assert.ok(peer!.rtt! > 0 && peer!.rtt! < 1_000)
  })

  it('is told by agents(): every instance, here and there', async () => {
    const own = await a.agent('worker')
    const all = a.agents('worker')
    assert.equal(all.length, 3)
    const here = all.find(({ local }) => local)
    assert.deepEqual(here, {
      name: 'worker',
      instance: own.instance,
      peer: String(a.peerId),
      host: 'here',
      region: 'eu',
      zone: 'eu-a',
      local: true
    })
    assert.equal(new Set(all.map(({ instance }) => instance)).size, 3)
    assert.deepEqual(a.agents('nobody'), [])
    assert.ok(a.agents().length >= 4)
    await own.close()
    assert.equal(a.agents('worker').length, 2)
  })

  it('is told by monitor(): up and down, from the call on, of that name only', async () => {
    const changes = a.monitor('watched')
    const other = await b.agent('unwatched')
    const agent = await b.agent('watched')
    const heard = record(changes)
    await heard.first(({ kind }) => kind === 'agent-up')
    await agent.close()
    await other.close()
    await heard.first(({ kind }) => kind === 'agent-down')
    assert.deepEqual(
      heard.all.map(({ kind, name, instance, peer }) => ({ kind, name, instance, peer })),
      ['agent-up', 'agent-down'].map((kind) => ({
        kind,
        name: 'watched',
        instance: agent.instance,
        peer: String(b.peerId)
      }))
    )
  })

  it('is told by explain(): each choice with its reason, and who else could', async () => {
    const distant = await b.agent('thinker')
    const { member, runnersUp, ...choices } = a.explain({ type: 'thought', data: { n: 1 } }, 'thinker')
    assert.deepEqual(member, { peer: String(b.peerId), instance: distant.instance })
    assert.deepEqual(runnersUp, [])
    assert.deepEqual(choices.characteristics, {
      priority: 'normal',
      consistency: 'eventual',
      ordering: 'none',
      delivery: 'at-least-once'
    })
    for (const key of ['pattern', 'guarantee', 'ordering', 'format', 'compression', 'lane', 'transport', 'route']) {
      const choice = (choices as Record<string, unknown>)[key] as { chosen: unknown; reason: unknown }
      assert.ok(typeof choice.chosen === 'string' && typeof choice.reason === 'string' && choice.reason !== '', key)
    }
    assert.deepEqual(
      [choices.transport.chosen, choices.route.chosen, choices.format.chosen, choices.lane.chosen],
      ['tcp', 'direct', 'messagepack', 'normal']
    )
    await a.agent('thinker')
    const nearer = a.explain({ data: new Uint8Array(1), routing: { priority: 'critical' } }, 'thinker')
    assert.deepEqual(
      [nearer.transport.chosen, nearer.route.chosen, nearer.lane.chosen, nearer.runnersUp.length],
      ['local', 'local', 'control', 1]
    )
    const nobody = a.explain({ data: 1 }, 'nobody')
    assert.deepEqual([nobody.member, nobody.route.chosen], [undefined, 'none'])
  })

  it('keeps its identity in its folder, and has another without one', async () => {
    await using folder = await temporaryFolder()
    const lives: string[] = []
    for (const dataDir of [folder.path, folder.path, undefined]) {
      await using node = await createNode({ dataDir })
      lives.push(String(node.peerId))
      assert.ok(node.multiaddrs.length > 0)
      for (const address of node.multiaddrs) assert.ok(String(address).endsWith(`/p2p/${node.peerId}`))
    }
    assert.equal(lives[0], lives[1])
    assert.notEqual(lives[1], lives[2])
  })
})
