/**
 * Whether the simulations would notice: bugs put into production code one at a time, each of which some seed has to catch.
 *
 *   npm run mutants                            every mutant, up to 10,000 seeds each
 *   npm run mutants -- --only "key order"      those whose promise or name has this in it
 *   npm run mutants -- --seeds 500 --json      one object a line
 *
 * The exit code is 1 if one is not caught. The short form is test/simulation.
 */
import { parseArgs } from 'node:util'
import { hunt, type Trophy } from './hunt.ts'
import { mutants } from './index.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false }
  }
})

const chosen = mutants.filter(({ name, promise }) => `${promise}: ${name}`.includes(options.only))
if (chosen.length === 0) {
  console.error(
    `No mutant has “${options.only}” in its name. There are:\n${mutants.map(({ name }) => name).join('\n')}`
  )
  process.exit(2)
}
let escaped = 0
await hunt(chosen, Number(options.seeds), (trophy) => {
  if (trophy.caught === undefined) escaped++
  console.log(options.json ? JSON.stringify(object(trophy)) : text(trophy))
})
if (!options.json) console.log(`${chosen.length - escaped} of ${chosen.length} caught`)
if (escaped > 0) process.exitCode = 1

function object({ mutant, caught }: Trophy): object {
  const { name, promise, scenario } = mutant
  return { kind: 'mutant', name, promise, scenario, seeds: caught?.seed, invariant: caught?.invariant }
}

function text({ mutant, caught }: Trophy): string {
  const end =
    caught === undefined
      ? `ESCAPED ${options.seeds} seeds of ${mutant.scenario}`
      : `${caught.seed} seeds of ${mutant.scenario}, ${(caught.took / 1_000).toFixed(1)} s: ${caught.invariant}`
  return `${mutant.promise}: ${mutant.name}\n    ${end}`
}
