import assert from 'node:assert/strict'
import { Torture, type TortureOptions } from '../../scripts/torture/torture.ts'

/** `npm run torture` is the long form. */
const SHORT = { messages: 3_000, kills: 5 }

async function torture(options: Pick<TortureOptions, 'guarantee' | 'faults'>): Promise<{ twice: number[] }> {
  await using both = await Torture.begin({ ...SHORT, ...options })
  const { acknowledged, lost, twice, kills } = await both.run()
  assert.ok(acknowledged >= SHORT.messages, `${acknowledged} acknowledged`)
  assert.ok(kills.sender > 0 && kills.receiver > 0)
  assert.deepEqual(lost, [])
  return { twice }
}

describe('sender and receiver, killed again and again', function () {
  this.timeout(120_000)

  it('lose nothing that was acknowledged, at least once', async () => {
    await torture({ guarantee: 'at-least-once' })
  })

  it('apply nothing twice, though whatever was not synced is lost and syncs fail', async () => {
    const { twice } = await torture({ guarantee: 'exactly-once', faults: { syncFailure: 0.02 } })
    assert.deepEqual(twice, [])
  })
})
