import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

describe('npm start', () => {
  it('stays up, says how to talk to it, and leaves nothing behind after Ctrl-C', async function () {
    this.timeout(240_000)
    const folder = await mkdtemp(join(tmpdir(), 'phoenix-test-'))
    const child = spawn(process.execPath, ['scripts/quickstart/main.ts'], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true
    })
    const exit = once(child, 'exit')
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      // a terminal sends the signal to every process of the group
      if (!output.includes('Ctrl-C ends it') && (output += text).includes('Ctrl-C ends it'))
        process.kill(-child.pid!, 'SIGINT')
    })
    const [code] = await exit
    assert.match(output, /npm run phoenix -- agents --bootstrap \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+\n/)
    assert.equal(code, 0)
    assert.deepEqual(await readdir(folder), [])
    for (const [, pid] of output.matchAll(/process (\d+)\n/g))
      assert.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' })
    await rm(folder, { recursive: true })
  })
})
