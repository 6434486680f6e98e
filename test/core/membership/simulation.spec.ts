import assert from 'node:assert/strict'
import type { SimulatedNode } from './network.ts'
import { assertConverges, begin, chaos, eachSeed, names, someOf } from './seeds.ts'

describe('membership, simulated', () => {
  eachSeed('after loss, crashes, a partition and rejoins the live agree', (seed, random) => {
    const peers = names(5 + Math.floor(random() * 12))
    const network = begin(peers, chaos(seed, random), random, 1_000)
    network.run(5_000)
    const crashed = someOf(peers.slice(1), 1 + Math.floor(random() * 2), random)
    for (const peer of crashed) network.crash(peer)
    network.run(random() * 8_000)
    const half = someOf(peers, Math.floor(peers.length / 2), random)
    network.partition(
      half,
      peers.filter((peer) => !half.includes(peer))
    )
    for (const peer of someOf(network.live(), 2, random)) network.set(peer.peer, 'agent/worker/2', seed)
    network.run(random() * 20_000)
    for (const peer of crashed) {
      network.start(peer)
      network.set(peer, 'agent/worker/1', 'second life')
    }
    network.run(random() * 5_000)
    network.heal()
    assertConverges(network, 60_000, 'after healing')
    network.options.loss = 0
    network.run(6_000)
    const from = network.now
    network.run(20_000)
    for (const node of network.live()) {
      const down = node.events.filter((event) => event.kind === 'member-down' && event.at > from)
      assert.deepEqual(down, [], `${node.peer} buried somebody in a healthy mesh`)
    }
  })

  eachSeed('the dead are noticed by everybody within the failure timeout', (seed, random) => {
    const peers = names(5 + Math.floor(random() * 12))
    const network = begin(peers, { ...chaos(seed, random), loss: random() * 0.02 }, random, 500)
    assertConverges(network, 30_000, 'before the crash')
    network.run(random() * 3_000)
    const victim = peers[Math.floor(random() * peers.length)]!
    const at = network.now
    // Half the seeds: the machine is gone, and no connection says so.
    if (seed % 2 === 0) network.partition(peers.filter((peer) => peer !== victim))
    else network.crash(victim)
    const { failureTimeout } = network.membership
    network.run(failureTimeout + failureTimeout / 20 + 250)
    for (const node of network.live()) {
      if (node.peer === victim) continue
      const down = node.events.find((e) => e.kind === 'member-down' && e.member.record.peer === victim && e.at >= at)
      assert.ok(down, `${node.peer} has not noticed`)
      assert.equal(down.kind === 'member-down' && down.reason, 'dead')
    }
  })

  eachSeed('who dies while others still vouch for it is noticed all the same', (seed, random) => {
    const peers = names(4 + Math.floor(random() * 3))
    const network = begin(peers, { seed, delay: [1, 300] }, random, 500)
    assertConverges(network, 30_000, 'before the crash')
    const { failureTimeout } = network.membership
    // Everybody asks everybody about a silent member; it is heard of once more, dies, and then the answers come.
    const victim = peers[Math.floor(random() * peers.length)]!
    network.partition(peers.filter((peer) => peer !== victim))
    network.run((0.3 + random() * 0.3) * failureTimeout)
    network.heal()
    network.run(random() * 500)
    const at = network.now
    network.crash(victim)
    // What vouches may be half a ping interval and two ways old.
    network.run(failureTimeout * 1.15 + 1_000)
    for (const node of network.live()) {
      const down = node.events.some((e) => e.kind === 'member-down' && e.member.record.peer === victim && e.at >= at)
      assert.ok(down, `${node.peer} has not noticed`)
    }
  })

  eachSeed('a rejoin is not confused with the former life', (seed, random) => {
    const peers = names(4 + Math.floor(random() * 8))
    const network = begin(peers, chaos(seed, random), random, 500)
    assertConverges(network, 30_000, 'before the crash')
    const victim = peers[peers.length - 1]!
    network.set(victim, 'only/in/the/first', 1)
    network.run(2_000)
    network.crash(victim)
    // At once, or after it was declared dead; with a clock that is now behind, as after a dead battery, or not.
    network.run(random() * 9_000)
    network.start(victim, { skew: seed % 3 === 0 ? -500_000 : 0 })
    network.set(victim, 'only/in/the/second', 2)
    assertConverges(network, 40_000, 'after the rejoin')
    for (const node of network.live()) {
      if (node.peer === victim) continue
      const keys = [...node.machine.member(victim)!.entries.keys()]
      assert.deepEqual(keys, ['only/in/the/second'], `${node.peer} mixes two lives`)
      const ups = node.events.filter((e) => e.kind === 'member-up' && e.member.record.peer === victim).length
      const downs = node.events.filter((e) => e.kind === 'member-down' && e.member.record.peer === victim).length
      assert.equal(ups, downs + 1, `${node.peer}: ${ups} up, ${downs} down`)
    }
  })

  eachSeed('nobody is buried because of one broken connection or a stalled event loop', (seed, random) => {
    const peers = names(5 + Math.floor(random() * 8))
    const network = begin(peers, { seed, delay: [1, 20] }, random, 500)
    assertConverges(network, 30_000, 'before')
    network.cut(peers[1]!, peers[2]!)
    const stalled = network.nodes.get(peers[3]!)!
    stalled.stalledUntil = network.now + 2_500
    network.run(30_000)
    for (const node of network.live()) {
      const down = node.events.filter((event) => event.kind === 'member-down')
      assert.deepEqual(down, [], `${node.peer} buried somebody`)
      const accused = node.events.flatMap((event) =>
        event.kind === 'member-suspect' ? [event.member.record.peer] : []
      )
      assert.ok(
        accused.every((peer) => peer === stalled.peer),
        `${node.peer} saw ${accused} suspected`
      )
    }
    network.heal()
    assertConverges(network, 20_000, 'after')
  })

  eachSeed(
    'nobody is buried in an overloaded mesh, where every event loop stands still now and then',
    (seed, random) => {
      const peers = names(4 + Math.floor(random() * 10))
      const network = begin(peers, { seed, delay: [1, 40] }, random, 500)
      assertConverges(network, 30_000, 'before')
      for (let second = 0; second < 60; second++) {
        for (const node of network.live()) {
          // A quarter of the time gone, up to two seconds at once: a garbage collection, a large parse, a busy neighbour.
          if (random() < 0.2 && node.stalledUntil + 500 < network.now)
            node.stalledUntil = network.now + random() * 2_000
        }
        network.run(1_000)
      }
      for (const node of network.live()) {
        assert.deepEqual(buried(node), [], `${node.peer} buried somebody`)
      }
      assertConverges(network, 20_000, 'after')
    }
  )

  eachSeed('whoever stood still for longer than the failure timeout buries nobody for it', (seed, random) => {
    const peers = names(4 + Math.floor(random() * 10))
    const network = begin(peers, { seed, delay: [1, 40] }, random, 500)
    assertConverges(network, 30_000, 'before')
    const stalled = network.nodes.get(peers[Math.floor(random() * peers.length)]!)!
    stalled.stalledUntil = network.now + 4_000 + random() * 60_000
    network.run(stalled.stalledUntil - network.now + 30_000)
    assert.deepEqual(buried(stalled), [])
    for (const node of network.live()) {
      const others = buried(node).filter((peer) => peer !== stalled.peer)
      assert.deepEqual(others, [], `${node.peer} buried somebody`)
    }
    assertConverges(network, 20_000, 'after')
  })
})

function buried({ events }: SimulatedNode): string[] {
  return events.flatMap((e) => (e.kind === 'member-down' && e.reason === 'dead' ? [e.member.record.peer] : []))
}
