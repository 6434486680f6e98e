/**
 * Whether a history is linearizable: one that a key-value store left behind, of reads, writes and compare-and-sets.
 *
 *   npm run linearizable -- history.jsonl
 *
 * Each line of the file is one operation, `{ client, op, key, value, start, end, result }`, in any order:
 *
 *   {"client":1,"op":"write","key":"x","value":7,"start":10,"end":14}
 *   {"client":2,"op":"read","key":"x","start":12,"end":15,"result":null}                   nothing was there yet
 *   {"client":1,"op":"cas","key":"x","value":[7,8],"start":20,"end":null,"result":null}    nobody knows whether it was done
 *
 * The exit code is 0 if every key is linearizable, 1 if one is not, 2 if one could not be decided or the file not be read.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { check } from './check.ts'
import { type Operation, parseHistory } from './history.ts'
import { verdictText } from './report.ts'

const { positionals } = parseArgs({ allowPositionals: true })
const [file] = positionals
if (positionals.length !== 1 || file === undefined) fail('usage: npm run linearizable -- FILE')

const began = performance.now()
const verdicts = check(read(file))
for (const verdict of verdicts) if (verdict.answer !== 'linearizable') console.log(verdictText(verdict))
const count = (wanted: string): number => verdicts.filter(({ answer }) => answer === wanted).length
const operations = verdicts.reduce((sum, verdict) => sum + verdict.operations, 0)
const [good, bad, open] = [count('linearizable'), count('not linearizable'), count('undecided')]
const took = ((performance.now() - began) / 1_000).toFixed(2)
console.log(`${operations} operations, keys: ${good} linearizable, ${bad} not, ${open} undecided, in ${took} s`)
process.exitCode = bad > 0 ? 1 : open > 0 ? 2 : 0

function read(path: string): Operation[] {
  try {
    return parseHistory(readFileSync(path, 'utf8'))
  } catch (error) {
    return fail(`${path}: ${error instanceof Error ? error.message : error}`)
  }
}

function fail(text: string): never {
  console.error(text)
  process.exit(2)
}
