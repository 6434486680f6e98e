import assert from 'node:assert/strict'
import { DestinationKind } from '../../../protocols/causality/constants.ts'
import { eachSeed } from '../membership/seeds.ts'
import { World } from './world.ts'

function anyKind(random: () => number, wide: number): DestinationKind {
  const dice = random()
  if (dice < wide) return dice < wide / 2 ? DestinationKind.wideBoth : DestinationKind.wide
  if (random() < 0.3) return DestinationKind.both
  return random() < 0.4 ? DestinationKind.assured : DestinationKind.topic
}

function traffic(world: World, random: () => number, messages: number, pace: number, wide: number): void {
  const { hosts } = world
  const any = () => hosts[Math.floor(random() * hosts.length)]!
  const lane = () => (random() < 0.7 ? 'a' : 'b')
  for (let i = 0; i < messages; i++) {
    const [from, to, other] = [any(), any(), any()]
    const dice = random()
    if (from.down || to.down || from === to) continue
    if (dice < 0.4) world.atMostOnce(from, to, lane())
    else if (dice < 0.75) world.atLeastOnce(from, to, lane(), other === from || other === to ? [] : [other])
    else world.publish(from, `t${Math.floor(random() * 4)}`, anyKind(random, wide))
    world.run(random() * pace)
  }
}

describe('core/causality: simulation', () => {
  eachSeed('unicasts and multicasts over streams that overtake each other', (_seed, random) => {
    const world = new World({ hosts: 6, topics: 4, delay: [1, 200], random })
    traffic(world, random, 400, 10, 0)
    world.run(10_000)
    assert.equal(world.open, 0, 'something waits')
    assert.equal(world.stats.gaps, 0)
    assert.equal(world.stats.late, 0)
    assert.ok(world.stats.waited > 0)
  })

  eachSeed('hosts send to others in turn, and hear of the others so', (_seed, random) => {
    const world = new World({ hosts: 8, topics: 4, delay: [1, 60], random })
    const { hosts } = world
    for (let i = 0; i < 12; i++) {
      const from = hosts[Math.floor(random() * 3)]!
      const others = hosts.filter((host) => host !== from).slice(Math.floor(random() * 4))
      for (let j = 0; j < 6 * others.length; j++) {
        world.atMostOnce(from, others[j % others.length]!, 'a')
        world.run(random() * 2)
      }
      traffic(world, random, Math.floor(random() * 15), 5, 0)
      if (random() < 0.3) world.sever(from, others[0]!)
    }
    world.run(30_000)
    assert.equal(world.open, 0, 'something waits')
    assert.equal(world.stats.gaps, 0)
    assert.ok(world.stats.waited > 0)
  })

  eachSeed('streams break, and what was on them is lost, sent again or moved', (_seed, random) => {
    const world = new World({ hosts: 6, topics: 4, delay: [1, 100], random })
    for (let i = 0; i < 20; i++) {
      traffic(world, random, 20, 10, 0.2)
      const [from, to] = [0, 1].map(() => world.hosts[Math.floor(random() * 6)]!)
      if (from !== to) world.sever(from!, to!)
    }
    world.run(30_000)
    assert.equal(world.open, 0, 'something waits')
    assert.equal(world.stats.gaps, 0)
  })

  eachSeed('hosts crash', (_seed, random) => {
    const world = new World({ hosts: 8, topics: 4, delay: [1, 100], random, doomed: 3 })
    for (let i = 0; i < 9; i++) {
      traffic(world, random, 40, 10, 0)
      if (i % 3 === 2) world.crash(world.hosts[Math.floor(i / 3)]!)
    }
    world.run(60_000)
    assert.equal(world.open, 0, 'something waits')
  })
})
