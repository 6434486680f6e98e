import assert from 'node:assert/strict'
import { campaign } from '../../scripts/simulate/campaign.ts'
import { failureText } from '../../scripts/simulate/report.ts'
import { scenarios } from '../../scripts/simulate/scenarios/index.ts'

/** Of each scenario; `npm run simulate` is the long form. */
const SEEDS = 24

describe(`simulations over ${SEEDS} seeds`, () => {
  for (const scenario of scenarios) {
    it(`${scenario.name} holds`, async function () {
      this.timeout(60_000)
      const failures: string[] = []
      const { messages, faults } = await campaign(scenario, 1, SEEDS, (outcome) => {
        if (outcome.violation !== undefined) failures.push(failureText(outcome))
      })
      assert.deepEqual(failures, [], failures.join('\n'))
      assert.ok(messages > SEEDS && faults > SEEDS, `hardly anything happened: ${messages} messages, ${faults} faults`)
    })
  }
})
