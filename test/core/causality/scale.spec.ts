import assert from 'node:assert/strict'
import { DestinationKind } from '../../../protocols/causality/constants.ts'
import { seeded } from '../seeded.ts'
import { World } from './world.ts'

const HOSTS = 1_000
const TOPICS = 100
const MESSAGES = 5_000

describe('core/causality, at scale', function () {
  this.timeout(60_000)

  it(`keeps messages small and quick among ${HOSTS} hosts`, () => {
    const seed = Number(process.env.SEED ?? 1)
    const random = seeded(seed)
    const world = new World({ hosts: HOSTS, topics: TOPICS, delay: [1, 500], random })
    const { hosts, stats } = world
    const any = () => hosts[Math.floor(random() * HOSTS)]!
    for (let i = 0; i < MESSAGES; i++) {
      const [from, to] = [any(), any()]
      if (from === to) continue
      const dice = random()
      if (dice < 0.45) world.atMostOnce(from, to, random() < 0.9 ? 'a' : 'b')
      else if (dice < 0.9) world.atLeastOnce(from, to, random() < 0.9 ? 'a' : 'b', [])
      else world.publish(from, `t${Math.floor(random() * TOPICS)}`, DestinationKind.topic)
      world.run(0.1)
    }
    world.run(5_000)
    const mean = (total: number, of: number) => (total / of).toFixed(2)
    console.log(
      `      seed ${seed}: ${stats.frames} stamps, ${mean(stats.entries, stats.frames)} entries each, ${stats.most} at most,`,
      `${mean(stats.bytes, stats.frames)} bytes; ${stats.waited} of ${stats.handed} waited, ${stats.blocked} sends did`
    )
    assert.equal(world.open, 0, `seed ${seed}: something waits`)
    assert.equal(stats.gaps, 0, `seed ${seed}`)
    assert.ok(stats.most <= 64, `seed ${seed}: ${stats.most} entries`)
    assert.ok(stats.waited > 0, `seed ${seed}: nothing had to wait`)
    assert.ok(stats.waited < stats.handed / 10, `seed ${seed}`)
  })
})
