import { Play } from '../play.ts'
import type { Scenario } from './types.ts'

/** The same seed gives the same trace, byte for byte: each seed plays one of the others twice. */
export function determinism(others: readonly Scenario[]): Scenario {
  return {
    name: 'determinism',
    async play(play) {
      const scenario = play.chance.pick(others)
      const [first, again] = [await rehearse(scenario, play), await rehearse(scenario, play)]
      const line = first.findIndex((text, i) => text !== again[i])
      const story = {
        scenario: scenario.name,
        line,
        first: first.slice(line - 2, line + 1),
        again: again.slice(line - 2, line + 1)
      }
      play.must(line < 0 && first.length === again.length, 'the same seed gives the same trace', story)
    }
  }
}

/** Whether the scenario's own claims hold is its own affair. */
async function rehearse(scenario: Scenario, main: Play): Promise<string[]> {
  const play = new Play(scenario.name, main.seed)
  try {
    await scenario.play(play)
    await play.stop()
  } catch (error) {
    if (play.violation === undefined) throw error
  }
  main.include(play)
  return play.trace
}
