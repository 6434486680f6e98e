import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cases } from '../../scripts/bench/cases/index.ts'
import { nameOf } from '../../scripts/bench/harness/compare.ts'

const run = promisify(execFile)

describe('npm run bench -- --short --json', () => {
  // Both ends compare what they sent with what they read: a run whose counts or checksums differ ends with an error.
  it('runs every case and loses nothing', async function () {
    this.timeout(600_000)
    const { stdout } = await run(process.execPath, ['scripts/bench/main.ts', '--short', '--json'])
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const expected = cases
      .filter(({ lacks }) => lacks === undefined)
      .map(({ name, against: [first] }) => `${name}/${nameOf(first!)}`)
    assert.deepEqual(
      rows.map((row) => row.case),
      expected
    )
    for (const row of rows) {
      assert.equal(row.runs, 1, row.case)
      assert.equal(typeof row.unit, 'string', row.case)
      for (const figure of [row.value, row.baseline, row.ratio]) assert.ok(figure > 0, `${row.case}: ${figure}`)
      assert.ok(Math.abs(row.ratio - row.value / row.baseline) < 1e-9, row.case)
    }
  })

  it('names the cases there are when none fits', async () => {
    await assert.rejects(run(process.execPath, ['scripts/bench/main.ts', '--only', 'nothing']), {
      code: 2,
      stderr: /one-way, acknowledged, requests/
    })
  })
})
