import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

describe('npm start -- --once', () => {
  it('does the work on five hosts, loses one half-way and nothing with it', async function () {
    this.timeout(240_000)
    const { stdout } = await run(process.execPath, ['scripts/quickstart/main.ts', '--once'])
    assert.match(stdout, /portland was killed/)
    assert.match(stdout, /portland is back after/)
    assert.match(stdout, /records in +13,168\n/)
    assert.match(stdout, /enriched +[\d,]+ by portland, [\d,]+ by newark\n/, 'the twin took over')
    assert.match(stdout, /results out +13,168, in the order they entered\n/)
    assert.match(stdout, /counted +13,168: 1,707 earthquakes, 10,000 flights, 1,461 days of weather/)
    assert.match(stdout, /Every figure is what the data says\./)
    assert.equal(new Set(stdout.match(/…\w{8}/g)).size, 5, 'five PeerIds')
  })
})
