import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Two nodes meet and stop; how many timers keep the program alive a moment later. */
const PROGRAM = `
  import { Loopback } from ${JSON.stringify(new URL('./loopback.ts', import.meta.url).href)}
  const loopback = new Loopback()
  await loopback.startMany(2)
  await loopback.stop()
  await new Promise((resolve) => setTimeout(resolve, 300))
  console.log(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length)
  process.exit()
`

describe('a host that has stopped', () => {
  it('keeps no program alive', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM])
    assert.equal(stdout.trim(), '0')
  })
})
