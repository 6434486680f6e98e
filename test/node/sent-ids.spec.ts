import assert from 'node:assert/strict'
import type { NodeEventBody } from '../../src/node/events.ts'
import { SentIds } from '../../src/node/sent-ids.ts'
import { digestOf } from '../../src/runtime/delivery/digest.ts'
import { createMemoryStore } from '../../src/runtime/storage/memory-store.ts'
import { systemClock } from '../../src/runtime/system/clock.ts'

/** Ids in a store that outlives them, by a clock that is set by hand. */
function ground(limits = {}) {
  const store = createMemoryStore()
  const events: NodeEventBody[] = []
  const time = { now: 1_000 }
  const life = async (): Promise<SentIds> => {
    const ids = new SentIds({
      store: () => store,
      clock: { ...systemClock, now: () => time.now },
      emit: (event) => events.push(event),
      limits: { idRetention: 10_000, sentIds: 1_000_000, ...limits }
    })
    await ids.load((record, error) => assert.fail(`${record}: ${error}`))
    return ids
  }
  const add = (ids: SentIds, n: number) => store.write(ids.add({ ...record(n), at: time.now }))
  const keys = async () => {
    const found: string[] = []
    for await (const [key] of store.entries('')) found.push(key)
    return found
  }
  return { life, add, keys, time, events }
}

const nameOf = (n: number): string => digestOf(`name ${n}`).toString('latin1')
const record = (n: number) => ({
  name: nameOf(n),
  content: digestOf(`${n}`).toString('latin1'),
  attempts: n,
  peer: 'p'
})

describe('ids that senders gave', () => {
  it('are found on the page that is being filled and on full ones, before and after a restart', async () => {
    const { life, add, keys, time } = ground()
    let ids = await life()
    for (let n = 1; n <= 2_500; n++) await add(ids, n)
    assert.equal((await keys()).length, 2 + 2_500 - 2_048)
    for (let lives = 0; lives < 2; lives++) {
      for (const n of [1, 1_024, 1_025, 2_048, 2_049, 2_500]) {
        assert.deepEqual(await ids.find(nameOf(n)), { ...record(n), at: time.now })
      }
      assert.equal(await ids.find(nameOf(0)), undefined)
      ids = await life()
      assert.equal(ids.size, 2_500)
    }
    for (let n = 2_501; n <= 3_072; n++) await add(ids, n)
    assert.equal((await keys()).length, 3)
    assert.equal((await ids.find(nameOf(2_500)))?.attempts, 2_500)
  })

  it('are forgotten after their time, on disk too', async () => {
    const { life, add, keys, time, events } = ground()
    const ids = await life()
    for (let n = 1; n <= 1_100; n++) await add(ids, n)
    time.now += 9_999
    assert.equal((await ids.find(nameOf(1)))?.attempts, 1)
    time.now += 1
    assert.equal(await ids.find(nameOf(1)), undefined)
    assert.equal(await ids.find(nameOf(1_100)), undefined)
    await add(ids, 1_101)
    assert.equal((await keys()).length, 77, 'the full page is gone')
    assert.deepEqual(events, [])
  })

  it('are as many as the limit says, and what goes before its time is told', async () => {
    const { life, add, events } = ground({ sentIds: 2_048 })
    const ids = await life()
    for (let n = 1; n <= 5_000; n++) {
      await add(ids, n)
      assert(ids.size <= 2_048)
    }
    assert.equal(await ids.find(nameOf(1)), undefined)
    assert.equal((await ids.find(nameOf(5_000)))?.attempts, 5_000)
    assert.deepEqual(events, Array(3).fill({ kind: 'ids-forgotten', count: 1_024 }))
  })
})
