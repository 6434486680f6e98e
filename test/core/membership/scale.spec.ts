import assert from 'node:assert/strict'
import { Network, type NetworkOptions, type SimulatedNode } from './network.ts'

function start(count: number, options: NetworkOptions, zones = 1): { network: Network; peers: string[] } {
  const network = new Network(options)
  const peers = Array.from({ length: count }, (_, i) => `n${String(i).padStart(2, '0')}`)
  for (const [i, peer] of peers.entries()) network.start(peer, { bootstrap: ['n00'], zone: `z${i % zones}` })
  return { network, peers }
}

function traffic(nodes: readonly SimulatedNode[]): { frames: number; bytes: number } {
  const sum = { frames: 0, bytes: 0 }
  for (const node of nodes) {
    sum.frames += node.framesSent
    sum.bytes += node.bytesSent
  }
  return sum
}

function holds(network: Network, viewer: string, peer: string, key: string): boolean {
  return network.nodes.get(viewer)!.machine.member(peer)?.entries.has(key) === true
}

describe('membership, at scale', function () {
  this.timeout(60_000)

  it('announces a change to 50 with one frame each, within one trip', () => {
    const { network, peers } = start(50, { seed: 1, delay: [5, 5] })
    assert.ok(network.runUntil(() => network.converged(), 20_000) !== undefined)
    network.run(10_000)
    const node = network.nodes.get('n07')!
    const before = traffic([node])
    for (let i = 0; i < 20; i++) network.set('n07', `agent/a/${i}`, { i })
    network.run(5)
    const after = traffic([node])
    for (const peer of peers) if (peer !== 'n07') assert.ok(holds(network, peer, 'n07', 'agent/a/19'), peer)
    assert.ok(after.frames - before.frames <= 49 + 2, `${after.frames - before.frames} frames`)
    assert.ok(node.machine.announcedVersion < 20)
    network.run(5)
    assert.ok(node.machine.announcedVersion >= 20)
  })

  it('sends a list of 10,000 once, and of later changes the changes only', () => {
    const { network } = start(3, { seed: 2, delay: [5, 5] })
    network.run(5_000)
    const node = network.nodes.get('n01')!
    const begun = traffic([node]).bytes
    for (let i = 0; i < 10_000; i++) network.set('n01', `agent/worker/${i}`, { name: 'worker' })
    network.run(1_000)
    assert.ok(holds(network, 'n02', 'n01', 'agent/worker/9999'))
    const whole = traffic([node]).bytes - begun
    const later = traffic([node]).bytes
    for (let i = 0; i < 10; i++) {
      network.set('n01', `agent/worker/${i}`, { name: 'changed' })
      network.run(100)
    }
    const changes = traffic([node]).bytes - later
    assert.ok(changes < whole / 200, `${changes} bytes for ten changes, ${whole} for the list`)
    assert.equal(network.nodes.get('n02')!.machine.member('n01')!.version, 10_010)
  })

  it('holds 8 of 50, says that it is partial, and does not exchange what it refuses for ever', () => {
    const { network, peers } = start(50, { seed: 3, delay: [1, 10], membership: { maxMembers: 8 } }, 5)
    network.run(20_000)
    for (const peer of peers) {
      const { machine } = network.nodes.get(peer)!
      assert.ok(machine.partial, peer)
      assert.ok([...machine.members()].length <= 8)
      assert.ok(machine.announcedVersion >= machine.version, `${peer} waits for one that refuses it`)
    }
    const before = traffic(network.live())
    network.run(10_000)
    const after = traffic(network.live())
    const perNode = (after.bytes - before.bytes) / 50 / 10
    assert.ok(perNode < 6_000, `${perNode} bytes a node and second`)
    for (const node of network.live()) {
      const buried = node.events.filter((event) => event.kind === 'member-down' && event.reason === 'dead')
      assert.deepEqual(buried, [], node.peer)
    }
  })

  it('prefers members of its own zone where it cannot hold all', () => {
    const { network } = start(30, { seed: 4, membership: { maxMembers: 6, fullMeshLimit: 4 } }, 3)
    network.run(30_000)
    let near = 0
    let all = 0
    for (const { machine } of network.live()) {
      for (const member of machine.members()) {
        all++
        if (member.record.zone === machine.self.zone) near++
      }
    }
    const evicted = network
      .live()
      .flatMap((n) => n.events.filter((e) => e.kind === 'member-down' && e.reason === 'evicted'))
    assert.ok(evicted.length > 0)
    assert.ok(near / all > 0.4, `${near} of ${all} in the same zone, where chance gives a third`)
  })

  it('spreads changes, deaths and newcomers where not everybody is connected', () => {
    const { network, peers } = start(40, { seed: 5, membership: { fullMeshLimit: 6 } })
    assert.ok(network.runUntil(() => network.converged(), 60_000) !== undefined, 'views differ')
    network.set('n11', 'agent/a/1', 1)
    const took = network.runUntil(() => network.converged(), 10_000)
    assert.ok(took !== undefined && took <= 3_000, `${took} ms`)
    network.crash('n22')
    assert.ok(network.runUntil(() => network.converged(), 10_000) !== undefined, 'not everybody heard of a death')
    network.start('n99', { bootstrap: ['n01'] })
    assert.ok(network.runUntil(() => network.converged(), 10_000) !== undefined, 'not everybody heard of a newcomer')
    const dead = network.nodes.get('n00')!.machine.member('n22')
    assert.equal(dead?.state, 'dead')
    assert.equal(peers.length, 40)
  })

  it('brings changes by exchange to who has no connection with their owner', () => {
    const network = new Network({ seed: 11 })
    network.cut('n01', 'n02')
    for (const peer of ['n00', 'n01', 'n02']) network.start(peer, { bootstrap: ['n00'] })
    network.run(5_000)
    network.set('n01', 'agent/a/1', 1)
    const took = network.runUntil(() => holds(network, 'n02', 'n01', 'agent/a/1'), 30_000)
    assert.ok(took !== undefined && took < 10_000, `${took} ms`)
    network.run(60_000)
    assert.ok(network.converged(), 'whoever is reached through another is alive')
  })

  it('tells who was away what was deleted and forgotten meanwhile', () => {
    const { network } = start(3, { seed: 6, membership: { retention: 20_000, failureTimeout: 60_000 } })
    network.set('n01', 'stays', 1)
    network.set('n01', 'goes', 1)
    network.run(20_000)
    assert.ok(holds(network, 'n02', 'n01', 'goes'))
    network.partition(['n00', 'n01'], ['n02'])
    network.set('n01', 'goes', undefined)
    network.run(30_000)
    network.set('n01', 'new', 1)
    network.heal()
    network.run(15_000)
    assert.ok(!holds(network, 'n02', 'n01', 'goes'))
    assert.ok(holds(network, 'n02', 'n01', 'stays') && holds(network, 'n02', 'n01', 'new'))
    const kinds = network.nodes
      .get('n02')!
      .events.flatMap((e) => (e.kind === 'entry' ? [[e.entry.key, e.entry.value]] : []))
    assert.equal(kinds.filter(([key]) => key === 'stays').length, 1, 'what stayed is not announced twice')
    assert.deepEqual(
      kinds.filter(([key]) => key === 'goes').map(([, value]) => value),
      [1, undefined]
    )
  })

  it('forgets the dead after the retention', () => {
    const { network } = start(3, { seed: 7, membership: { retention: 20_000 } })
    network.run(5_000)
    network.crash('n02')
    network.run(10_000)
    assert.equal(network.nodes.get('n00')!.machine.member('n02')?.state, 'dead')
    network.run(25_000)
    assert.equal(network.nodes.get('n00')!.machine.member('n02'), undefined)
  })

  it('says that a life was replaced, with what the former one had announced', () => {
    const { network } = start(3, { seed: 12 })
    network.set('n02', 'agent/a/1', 1)
    network.run(5_000)
    network.crash('n02')
    network.start('n02')
    network.run(5_000)
    for (const peer of ['n00', 'n01']) {
      const about = network.nodes.get(peer)!.events.filter((e) => e.kind !== 'entry' && e.kind !== 'member-suspect')
      const second = about.filter((event) => event.member.record.peer === 'n02')
      assert.deepEqual(
        second.map((event) => (event.kind === 'member-down' ? event.reason : event.kind)),
        ['member-up', 'replaced', 'member-up']
      )
      assert.ok(second[1]!.member.entries.has('agent/a/1'))
    }
  })

  it('lets one of two dial first, always the same one, and dials a peer once at a time', () => {
    const peers = Array.from({ length: 8 }, (_, i) => `n0${i}`)
    /** By pair, who dialled. */
    const dialler = new Map<string, string>()
    for (const seed of [9, 19, 29]) {
      const network = new Network({ seed, delay: [1, 5] })
      for (const peer of peers) network.start(peer, { bootstrap: ['n00'] })
      network.run(10_000)
      assert.ok(network.converged())
      const learnt = network.dials.filter(([, target]) => !target.includes('/'))
      assert.ok(learnt.length > 0)
      for (const [from, to] of learnt) {
        const pair = [from, to].sort().join(' ')
        assert.equal(from, dialler.get(pair) ?? from, `both ends of ${pair} dialled, with seed ${seed}`)
        dialler.set(pair, from)
      }
      assert.equal(new Set(learnt.map(([from, to]) => `${from} ${to}`)).size, learnt.length)
    }
    const lower = [...dialler].filter(([pair, from]) => pair.startsWith(from)).length
    assert.ok(
      lower > dialler.size / 4 && lower < (dialler.size * 3) / 4,
      `the lower dialled in ${lower} of ${dialler.size}`
    )
  })

  it('is quiet when idle, and converges in a few rounds', () => {
    for (const [count, frames, bytes] of [
      [10, 30, 600],
      [50, 120, 4_000]
    ] as const) {
      const { network, peers } = start(count, { seed: 10 })
      const took = network.runUntil(() => network.converged(), 10_000)
      assert.ok(took !== undefined && took <= 3 * network.membership.exchangeInterval, `${count} nodes took ${took} ms`)
      network.run(10_000)
      const before = traffic(network.live())
      network.run(10_000)
      const after = traffic(network.live())
      const perNode = (what: 'frames' | 'bytes') => (after[what] - before[what]) / peers.length / 10
      assert.ok(perNode('frames') < frames, `${perNode('frames')} frames a node and second at ${count}`)
      assert.ok(perNode('bytes') < bytes, `${perNode('bytes')} bytes a node and second at ${count}`)
      if (process.env.MEASURE !== undefined)
        console.log({ count, took, frames: perNode('frames'), bytes: perNode('bytes') })
    }
  })
})
