import assert from 'node:assert/strict'
import { seeded } from '../seeded.ts'
import { World } from './world.ts'

/** SEED=n replays one seed. */
const only = process.env.SEED === undefined ? undefined : Number(process.env.SEED)
const seeds = only === undefined ? Array.from({ length: 1_000 }, (_, i) => i + 1) : [only]

describe('core/pipeline: simulation', () => {
  it(`keeps order, loses nothing, doubles nothing and stays bounded over ${seeds.length} seeds`, function () {
    this.timeout(60_000)
    const fates = new Set<string>()
    for (const seed of seeds) {
      const random = seeded(seed)
      try {
        const world = new World(random, random() * 0.5)
        world.run(60)
        for (const fate of world.fates.values()) fates.add(fate)
      } catch (cause) {
        throw new Error(`seed ${seed} (replay with SEED=${seed}): ${(cause as Error).message}`, { cause })
      }
    }
    if (only === undefined) {
      assert.deepEqual(
        [...fates].sort(),
        ['dead-lettered', 'result', 'skipped', 'stopped', 'withdrawn'],
        'every fate was met'
      )
    }
  })
})
