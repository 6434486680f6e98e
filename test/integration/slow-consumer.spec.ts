import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { createNode, type Node, type Subscription } from '../../src/index.ts'
import { temporaryFolder } from '../kit/folder.ts'
import { type HostProcess, hostProcess } from '../kit/host-process.ts'
import { until } from '../kit/until.ts'

type Script = typeof import('./slow-consumer-script.ts')

const script = new URL('./slow-consumer-script.ts', import.meta.url)

/** Seconds at least; `npm run soak` sets a minute. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 4)
const MIB = 2 ** 20
/**
 * What a host may hold by its limits: 16 MiB for each of two queues; or 8 MiB each for the log in memory, for what waits for
 * the disk, for room, and on links; 4 MiB of credit.
 */
const CONFIGURED = 64 * MIB
/** What was freed and not collected or given back yet. Measured: 100 MiB, the same after 5 s and after a minute. */
const COLLECTOR = 160 * MIB
/** Messages that are more than all of that together, so that whoever keeps them is found out. */
const LEAST = 60_000

/** Counts what a subscription is given, all of it in order. */
function follow(subscription: Subscription): { count: number; ended: Promise<void> } {
  const progress = { count: 0, ended: Promise.resolve() }
  progress.ended = (async () => {
    for await (const { data } of subscription) {
      assert.equal((data as { number: number }).number, progress.count)
      progress.count++
    }
  })()
  return progress
}

describe('subscriptions that never read, beside a publisher at full speed', function () {
  this.timeout((SECONDS + 240) * 1_000)

  it('cost bounded memory at both ends; the others lose nothing, and a durable one catches up', async () => {
    await using folders = new AsyncDisposableStack()
    const folder = async () => folders.use(await temporaryFolder()).path
    const reader: Node = await createNode({ name: 'reader', dataDir: await folder() })
    folders.defer(() => reader.stop({ drain: false }))
    const start = async (name: string): Promise<HostProcess<Script>> => {
      const retention = { bytes: 256 * MIB }
      const options = { name, dataDir: await folder(), bootstrap: reader.multiaddrs.map(String), limits: { retention } }
      return folders.use(await hostProcess<Script>(script, options))
    }
    const [publisher, sloth] = await Promise.all([start('publisher'), start('sloth')])
    await reader.ready({ peers: 2, timeout: 30_000 })
    await sloth.call('ignore')
    const agent = await reader.agent('reader')
    const durable = agent.subscribe('ticks', { durable: true, name: 'reader' })
    const assured = agent.subscribe('ticks', { delivery: 'at-least-once' })
    await Promise.all([durable.ready, assured.ready])
    const read = [follow(durable), follow(assured)]

    let published: number | undefined
    const flood = publisher.call('flood', SECONDS * 1_000, LEAST).then((count) => {
      published = count
    })
    const first = await Promise.all([publisher.call('memory'), sloth.call('memory')])
    const most = [...first]
    await until(
      'the flood to end',
      async () => {
        for (const [i, host] of [publisher, sloth].entries()) {
          most[i] = Math.max(most[i]!, await host.call('memory'))
        }
        await sleep(200)
        return published !== undefined
      },
      (SECONDS + 120) * 1_000
    )
    await flood
    for (const progress of read) await until('every message', () => progress.count === published, 60_000)
    const { read: late, missing } = await sloth.call('wake', published! - 1)
    assert.equal(late + missing, published)
    for (const [i, host] of ['publisher', 'subscriber'].entries()) {
      const growth = most[i]! - first[i]!
      assert.ok(growth < CONFIGURED + COLLECTOR, `the ${host} grew by ${Math.round(growth / MIB)} MiB`)
    }
  })
})
