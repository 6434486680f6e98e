/**
 * Five voters in processes of their own, killed with `kill -9`, stopped and cut off from each other, while clients in other
 * processes write, compare and set, and read; their history is judged, and no acknowledged write may be missing anywhere.
 *
 *   npm run torture:consensus                       forty ordeals
 *   npm run torture:consensus -- --rounds 8 --keep history.jsonl
 *
 * Network namespaces need root; without, nobody is cut off. A kept history can be judged again: `npm run linearizable`.
 * The exit code is 1 where a promise was broken. The short form is test/integration/consensus-torture.spec.ts.
 */
import { copyFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { verdictText } from '../../simulate/linearizability/report.ts'
import { Trial } from './trial.ts'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '40' }, keep: { type: 'string' } }
})

await using trial = await Trial.begin({ rounds: Number(options.rounds), told: console.log })
const { operations, unknown, verdicts, acknowledged, lost, file } = await trial.run()
if (options.keep !== undefined) await copyFile(file, options.keep)
const wrong = verdicts.filter(({ answer }) => answer !== 'linearizable')
for (const verdict of wrong) console.log(verdictText(verdict))
console.log(
  `${operations} operations, of ${unknown} nobody knows; ${verdicts.length} keys, ${wrong.length} not linearizable or ` +
    `undecided; ${acknowledged} writes acknowledged, ${lost.length} lost`
)
if (wrong.length > 0 || lost.length > 0) process.exitCode = 1
