import { Play } from './play.ts'
import type { Scenario } from './scenarios/types.ts'
import { Violation } from './violation.ts'

/** One seed of one scenario. */
export interface Outcome {
  scenario: string
  seed: number
  messages: number
  faults: number
  /** Virtual ms. */
  elapsed: number
  violation: Violation | undefined
  trace: readonly string[]
}

/** What many seeds of one scenario came to. */
export interface Summary {
  scenario: string
  seeds: number
  messages: number
  faults: number
  /** Virtual ms. */
  elapsed: number
  /** Real ms. */
  took: number
  failures: number
}

export async function playSeed(scenario: Scenario, seed: number): Promise<Outcome> {
  const play = new Play(scenario.name, seed)
  const unheard: unknown[] = []
  const listen = (reason: unknown): void => void unheard.push(reason)
  process.on('unhandledRejection', listen)
  try {
    await scenario.play(play)
    await play.stop()
    // Rejections are reported a turn late.
    await new Promise((resolve) => setImmediate(resolve))
    play.must(unheard.length === 0, 'no promise rejects unheard', { reasons: unheard })
  } catch (error) {
    play.violation ??= new Violation('nothing throws or hangs', { error }, error)
  } finally {
    process.off('unhandledRejection', listen)
  }
  const { messages, faults, elapsed, trace, violation } = play
  return { scenario: scenario.name, seed, messages, faults, elapsed, violation, trace }
}

/** Plays `count` seeds from `first` on; tells each outcome as it comes. */
export async function campaign(
  scenario: Scenario,
  first: number,
  count: number,
  told: (outcome: Outcome) => void
): Promise<Summary> {
  const began = performance.now()
  const sum = { scenario: scenario.name, seeds: count, messages: 0, faults: 0, elapsed: 0, took: 0, failures: 0 }
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await playSeed(scenario, seed)
    sum.messages += outcome.messages
    sum.faults += outcome.faults
    sum.elapsed += outcome.elapsed
    if (outcome.violation !== undefined) sum.failures++
    told(outcome)
  }
  return { ...sum, took: performance.now() - began }
}
