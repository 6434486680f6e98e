import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createNode } from '../../src/index.ts'
import { hostProcess } from '../kit/host-process.ts'

type Scripts = typeof import('./scripts.ts')

const script = new URL('./scripts.ts', import.meta.url)
const PARTS = 800
const PART = 65_536

describe('a streamed transfer of 50 MB', function () {
  this.timeout(60_000)

  it('arrives whole, and every control request sent meanwhile is answered while it runs', async () => {
    await using node = await createNode()
    await using host = await hostProcess<Scripts>(script, { bootstrap: node.multiaddrs.map(String) })
    await node.ready()
    await host.call('store', 'store')
    const caller = await node.agent('caller')
    const sent = createHash('sha256')
    let given = 0
    let answered = 0
    let over = false
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; given < PARTS; given++) {
        const part = Buffer.alloc(PART, given)
        sent.update(part)
        yield part
      }
    }
    const transfer = caller.request('store', source(), { type: 'digest', timeout: 60_000 }).finally(() => {
      over = true
    })
    const urgent = { type: 'ping', priority: 'critical', timeout: 60_000 } as const
    while (!over) {
      assert.equal((await caller.request('store', answered, urgent)).data, answered)
      if (!over) answered++
    }
    const { bytes, sha256 } = (await transfer).data
    assert.deepEqual([bytes, sha256], [PARTS * PART, sent.digest('hex')])
    // Had one waited for the transfer, none but it would have been answered.
    assert.ok(
      answered >= 20,
      `${answered} control requests were answered while ${PARTS * PART} bytes were on their way`
    )
  })
})
