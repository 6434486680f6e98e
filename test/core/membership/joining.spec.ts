import assert from 'node:assert/strict'
import { Network } from './network.ts'
import { assertConverges, begin, chaos, eachSeed, names, someOf } from './seeds.ts'

describe('joining and leaving, simulated', () => {
  eachSeed('a simultaneous start ends as one mesh', (seed, random) => {
    const peers = names(seed % 4 === 0 ? 50 : 3 + (seed % 40))
    const spread = seed % 3 === 0 ? 2_000 : 0
    const network = begin(peers, { ...chaos(seed, random), loss: 0 }, random, spread, 1 + (seed % 2))
    assertConverges(network, 15_000, `${peers.length} nodes`)
    const everyPair = () => peers.every((peer) => network.neighbours(peer).length === peers.length - 1)
    assert.ok(network.runUntil(everyPair, 30_000) !== undefined, 'not every pair is connected')
  })

  eachSeed('islands that came to be while the bootstrap host was away become one mesh', (seed, random) => {
    const network = new Network(chaos(seed, random))
    const count = 2 + Math.floor(random() * 4)
    const islands = Array.from({ length: count }, (_, i) =>
      names(1 + Math.floor(random() * 6)).map((name) => `i${i}-${name}`)
    )
    for (const island of islands) for (const peer of island) network.start(peer, { bootstrap: ['door', island[0]!] })
    network.run(30_000)
    for (const island of islands) {
      for (const peer of island) {
        const seen = [...network.nodes.get(peer)!.machine.members()].map(({ record }) => record.peer)
        assert.deepEqual(new Set([peer, ...seen]), new Set(island))
      }
    }
    network.start('door')
    assertConverges(network, 40_000, `${count} islands`)
  })

  eachSeed(
    'a node that lost everyone rejoins, through its bootstrap host or through whom it remembers',
    (seed, random) => {
      const peers = names(3 + Math.floor(random() * 8))
      const network = begin(peers, chaos(seed, random), random, 500, 1)
      assertConverges(network, 30_000, 'before')
      const [door, ...rest] = peers
      const lonely = rest.pop()!
      // The connections die with their hosts, or the cable is cut and nothing says so.
      if (seed % 2 === 0) for (const peer of [door!, ...rest]) network.crash(peer)
      else network.partition(peers.filter((peer) => peer !== lonely))
      network.run(6_000 + random() * 60_000)
      const { machine } = network.nodes.get(lonely)!
      assert.deepEqual([...machine.members()], [])
      assert.deepEqual(network.neighbours(lonely), [])
      if (seed % 2 === 0) network.start(seed % 4 === 0 ? door! : (rest[0] ?? door!), { bootstrap: [] })
      else network.heal()
      assertConverges(network, 60_000, 'after')
    }
  )

  eachSeed(
    'a leave is announced to all at once, and is neither a death nor the end of its identity',
    (seed, random) => {
      const peers = names(3 + Math.floor(random() * 12))
      const network = begin(peers, { ...chaos(seed, random), loss: 0 }, random, 500)
      assertConverges(network, 30_000, 'before')
      const leaver = peers[Math.floor(random() * peers.length)]!
      const others = peers.filter((peer) => peer !== leaver)
      network.leave(leaver)
      const heard = network.runUntil(
        () => others.every((peer) => network.nodes.get(peer)!.machine.member(leaver)?.state === 'left'),
        2_000
      )
      assert.ok(heard !== undefined, 'not everybody heard it, those included who were not connected yet')
      network.run(random() * 30_000)
      for (const peer of others) {
        // Whoever hears of it from another first, and still hears the leaver itself, doubts it until its own word comes.
        const told = network.nodes.get(peer)!.events.flatMap((event) => {
          if (event.kind === 'entry' || event.kind === 'member-suspect' || event.member.record.peer !== leaver)
            return []
          return [event.kind === 'member-down' ? event.reason : event.kind]
        })
        assert.deepEqual(told, ['member-up', 'left'], peer)
      }
      network.start(leaver)
      assertConverges(network, 30_000, 'after the return')
    }
  )

  eachSeed('a view that cannot hold everybody says that it is partial', (seed, random) => {
    const maxMembers = 2 + Math.floor(random() * 7)
    const peers = names(maxMembers + 2 + someOf([0, 1, 2, 10, 30], 1, random)[0]!)
    const membership = { maxMembers, fullMeshLimit: seed % 2 === 0 ? 50 : Math.floor(random() * 6) }
    const network = begin(peers, { seed, delay: [1, 40], membership }, random, 1_000, 1)
    network.run(20_000)
    for (const { peer, machine } of network.live()) {
      const held = [...machine.members()].length
      assert.ok(held <= maxMembers, `${peer} holds ${held} of ${maxMembers}`)
      assert.ok(machine.partial, `${peer} holds ${held} of ${peers.length} and takes them for all`)
    }
  })
})
