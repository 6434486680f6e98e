/**
 * How fast the mesh is, as ratios against libp2p used plainly and against the best loops one could write by hand.
 *
 *   npm run bench                              every case, five runs of each contender, some minutes
 *   npm run bench -- --only one-way,requests   cases whose name starts so
 *   npm run bench -- --json                    one object a line
 *   npm run bench -- --short                   one small run of each and of its first baseline: shows that it works, says nothing about speed
 */
import { parseArgs } from 'node:util'
import { cases } from './cases/index.ts'
import { Comparison, type Pace, type Row } from './harness/compare.ts'
import { folderText } from './harness/folder.ts'
import { table } from './harness/table.ts'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    runs: { type: 'string', default: '5' }
  }
})

const SHORT: Pace = { runs: 1, divisor: 100, maxSize: 10, baselines: 1 }
const LONG: Pace = { runs: Number(options.runs), divisor: 1, maxSize: Infinity, baselines: Infinity }
const pace = options.short ? SHORT : LONG
const only = options.only?.split(',')
const asked = cases.filter(({ name }) => only === undefined || only.some((start) => name.startsWith(start)))
if (asked.length === 0) {
  console.error(`No case starts with ${options.only}. There are: ${cases.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

for (const { name, lacks } of asked) {
  if (lacks !== undefined) console.error(`Skipped: ${name}, since this machine has no ${lacks}`)
}

const rows: Row[] = []
const comparison = new Comparison(pace, progress)
for (const it of asked.filter(({ lacks }) => lacks === undefined)) {
  const made = await comparison.compare(it)
  rows.push(...made)
  if (options.json) for (const row of made) console.log(JSON.stringify(row))
}
progress('')
if (!options.json) {
  console.log(table(rows))
  console.log(`Disk: ${folderText()}`)
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
