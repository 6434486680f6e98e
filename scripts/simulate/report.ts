import { inspect } from 'node:util'
import type { Outcome, Summary } from './campaign.ts'

/** What to type to see that failure again. */
export function replay({ scenario, seed }: Pick<Outcome, 'scenario' | 'seed'>): string {
  return `npm run simulate -- --scenario ${scenario} --seed ${seed} --trace`
}

export function failureText(outcome: Outcome): string {
  const { scenario, seed, violation } = outcome
  const details = inspect(violation?.details, { depth: 6, breakLength: 110 })
  return `${scenario}, seed ${seed}: violated: ${violation?.invariant}\n  ${details.replaceAll('\n', '\n  ')}\n  replay: ${replay(outcome)}`
}

export function failureObject(outcome: Outcome): object {
  const { scenario, seed, violation } = outcome
  const details = inspect(violation?.details, { depth: 6 })
  return { kind: 'failure', scenario, seed, invariant: violation?.invariant, details, replay: replay(outcome) }
}

export function summaryText({ scenario, seeds, messages, faults, elapsed, took, failures }: Summary): string {
  const virtual = `${(elapsed / 60_000).toFixed(1)} min virtual in ${(took / 1_000).toFixed(1)} s`
  const rate = `${(seeds / (took / 1_000)).toFixed(1)} seeds/s`
  const end = failures === 0 ? 'all held' : `${failures} FAILED`
  return `${scenario.padEnd(18)} ${seeds} seeds, ${messages} messages, ${faults} faults, ${virtual}, ${rate}: ${end}`
}

export function summaryObject(summary: Summary): object {
  return { kind: 'summary', ...summary, rate: summary.seeds / (summary.took / 1_000) }
}
