/** The process that plays one mutant: `node player.ts <number of the mutant> <first seed> <seeds>`. */

import type { Catch } from './hunt.ts'
import { mutants } from './index.ts'
import { infect } from './patch.ts'

const [number, first, seeds] = process.argv.slice(2).map(Number)
const mutant = mutants[number!]!
infect(mutant)
// Not before: what they import is what is infected.
const { playSeed } = await import('../campaign.ts')
const { scenarios } = await import('../scenarios/index.ts')

const scenario = scenarios.find(({ name }) => name === mutant.scenario)
if (scenario === undefined) throw new Error(`no scenario is called ${mutant.scenario}`)
process.on('disconnect', () => process.exit())

const began = performance.now()
let caught: Catch | undefined
for (let seed = first!; seed < first! + seeds! && caught === undefined; seed++) {
  const { violation } = await playSeed(scenario, seed)
  if (violation !== undefined) caught = { seed, invariant: violation.invariant, took: performance.now() - began }
}
process.send!(caught ?? null, () => process.disconnect())
