import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { playSeed } from '../../../scripts/simulate/campaign.ts'
import { raft } from '../../../scripts/simulate/scenarios/raft/raft.ts'

/** Seeds as such are played by test/simulation; here one of each season. */
const SEEDS = [2, 3, 4, 5]

const seasons = new Set<string>()

async function hashOf(seed: number): Promise<string> {
  const { trace, violation } = await playSeed(raft, seed)
  assert.equal(violation, undefined)
  assert.ok(
    trace.some((line) => /append-reply in \d+$/.test(line)),
    'hosts have talked'
  )
  seasons.add(/# (.+): voters/.exec(trace[0]!)![1]!)
  return createHash('sha256').update(trace.join('\n')).digest('hex')
}

describe('a simulated group', () => {
  it('leaves the same trace each time a seed is played, and another for each seed', async () => {
    const hashes = new Set<string>()
    for (const seed of SEEDS) {
      const hash = await hashOf(seed)
      assert.equal(await hashOf(seed), hash, `seed ${seed}`)
      hashes.add(hash)
    }
    assert.equal(hashes.size, SEEDS.length)
    assert.equal(seasons.size, SEEDS.length, [...seasons].join())
  })
})
