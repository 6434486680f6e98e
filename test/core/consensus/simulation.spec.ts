import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { playSeed } from '../../../scripts/simulate/campaign.ts'
import { raft } from '../../../scripts/simulate/scenarios/raft/raft.ts'

/** Seeds as such are played by test/simulation. */
const SEEDS = [2, 3, 4]

async function hashOf(seed: number): Promise<string> {
  const { trace, violation } = await playSeed(raft, seed)
  assert.equal(violation, undefined)
  assert.ok(
    trace.some((line) => line.endsWith('append-reply in 1')),
    'hosts have talked'
  )
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
  })
})
