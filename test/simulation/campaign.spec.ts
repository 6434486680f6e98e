import assert from 'node:assert/strict'
import { campaign, type Outcome, playSeed } from '../../scripts/simulate/campaign.ts'
import { failureText, replay, summaryText } from '../../scripts/simulate/report.ts'
import type { Scenario } from '../../scripts/simulate/scenarios/types.ts'

const echo = { handle: { echo: ({ data }: { data: unknown }) => data } }

/** Claims what holds for even seeds only. */
const evenOnly: Scenario = {
  name: 'even-only',
  async play(play) {
    const mesh = await play.mesh({ nodes: 2 })
    await mesh.run(mesh.nodes[0]!.agent('echo', echo))
    const caller = await mesh.run(mesh.nodes[1]!.agent('caller'))
    const call = play.watch(mesh, 'the only call', caller.request('echo', play.seed, { type: 'echo' }))
    await play.ended(mesh, [call], 'each call ends')
    play.must(play.seed % 2 === 0, 'seeds are even', { seed: play.seed })
  }
}

describe('a campaign', () => {
  it('names the seed, the invariant and the command that replays it', async () => {
    const outcomes: Outcome[] = []
    const summary = await campaign(evenOnly, 10, 4, (outcome) => outcomes.push(outcome))
    const failed = outcomes.filter(({ violation }) => violation !== undefined)
    assert.deepEqual(
      failed.map(({ seed }) => seed),
      [11, 13]
    )
    assert.equal(summary.failures, 2)
    assert.equal(summary.messages, 4)
    assert.match(summaryText(summary), /even-only +4 seeds, 4 messages, 0 faults, .* 2 FAILED/)
    const text = failureText(failed[0]!)
    assert.match(text, /even-only, seed 11: violated: seeds are even/)
    assert.ok(text.endsWith(`replay: ${replay({ scenario: 'even-only', seed: 11 })}`))
    assert.equal(replay(failed[0]!), 'npm run simulate -- --scenario even-only --seed 11 --trace')
  })

  it('traces the network and what the scenario did, the same each time', async () => {
    const [first, again] = [await playSeed(evenOnly, 6), await playSeed(evenOnly, 6)]
    assert.ok(first.trace.some((line) => line.endsWith('# the only call: resolved')))
    assert.ok(first.trace.some((line) => line.includes('/phoenix/request-response/')))
    assert.deepEqual(again.trace, first.trace)
  })

  const play = (name: string, work: Scenario['play']) => playSeed({ name, play: work }, 1)

  it('takes a hang and a throw for failures', async () => {
    const forever = await play('forever', async (it) => {
      const mesh = await it.mesh({ nodes: 1 })
      await it.ended(mesh, [it.watch(mesh, 'never', new Promise(() => {}))], 'everything ends')
    })
    assert.equal(forever.violation?.invariant, 'everything ends')
    assert.deepEqual(forever.violation.details['pending'], ['never'])
    const thrown = await play('thrown', async () => {
      throw new RangeError('a fault of the scenario')
    })
    assert.equal(thrown.violation?.invariant, 'nothing throws or hangs')
  })

  it('remembers a claim that failed inside a handler, whose caller only sees an error', async () => {
    const outcome = await play('inside', async (it) => {
      const mesh = await it.mesh({ nodes: 1 })
      const handle = { ask: () => it.must(false, 'never asked') }
      const agent = await mesh.run(mesh.nodes[0]!.agent('self', { handle }))
      await mesh.run(agent.request('self', 1, { type: 'ask' }).catch(() => undefined))
    })
    assert.equal(outcome.violation?.invariant, 'never asked')
  })
})
