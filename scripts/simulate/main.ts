/**
 * Every claim of the mesh over many seeds: nodes of production, a network in memory, a virtual clock, faults by lot.
 *
 *   npm run simulate                                          10,000 seeds over all scenarios: the long form
 *   npm run simulate -- --scenario flow --seeds 500           one scenario
 *   npm run simulate -- --scenario flow --seed 4711 --trace   one seed again, with everything that crossed the network
 *   npm run simulate -- --json                                one object a line
 *
 * The exit code is 1 if any invariant was violated. The short form is test/simulation.
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { campaign, type Outcome } from './campaign.ts'
import { failureObject, failureText, summaryObject, summaryText } from './report.ts'
import { scenarios } from './scenarios/index.ts'

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string' },
    /** The first seed; alone, the only one. */
    seed: { type: 'string' },
    /** How many, spread over the scenarios chosen. */
    seeds: { type: 'string' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false }
  }
})

const chosen = scenarios.filter(({ name }) => options.scenario === undefined || name === options.scenario)
if (chosen.length === 0) usage(`No scenario is called ${options.scenario}. There are: ${names()}`)
const first = whole('seed', options.seed ?? '1')
const total = whole('seeds', options.seeds ?? (options.seed === undefined ? '10000' : String(chosen.length)))

if (!options.json) console.log(`one process on ${processor()}`)
for (const scenario of chosen) {
  const seeds = Math.ceil(total / chosen.length)
  let done = 0
  const summary = await campaign(scenario, first, seeds, (outcome) => {
    done++
    progress(`${scenario.name} ${done}/${seeds}`)
    tell(outcome)
  })
  progress('')
  console.log(
    options.json ? JSON.stringify({ ...summaryObject(summary), processor: processor() }) : summaryText(summary)
  )
  if (summary.failures > 0) process.exitCode = 1
}

function tell(outcome: Outcome): void {
  if (options.trace) for (const line of outcome.trace) console.log(line)
  if (outcome.violation === undefined) return
  progress('')
  console.log(options.json ? JSON.stringify(failureObject(outcome)) : failureText(outcome))
}

function whole(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) usage(`--${option} is a whole number from 1 on`)
  return Number(text)
}

function processor(): string {
  return cpus()[0]?.model ?? 'an unknown processor'
}

function names(): string {
  return scenarios.map(({ name }) => name).join(', ')
}

function usage(text: string): never {
  console.error(text)
  process.exit(2)
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
