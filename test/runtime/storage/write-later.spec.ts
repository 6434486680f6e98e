import assert from 'node:assert/strict'
import { openStore } from '../../../src/runtime/storage/store.ts'
import type { Store } from '../../../src/runtime/storage/types.ts'
import { seededDice } from '../../../src/testing/dice.ts'
import { SimulatedDisk } from '../../../src/testing/disk.ts'
import { Time } from '../../../src/testing/time.ts'

const put = (key: string) => [{ key, value: Buffer.from('value') }]

describe('what is written to a store later', () => {
  let time: Time
  let disk: SimulatedDisk
  let store: Store
  let crash: () => void

  async function open(): Promise<void> {
    const clock = time.clock()
    store = await time.run(openStore(disk.attach(clock)), 60_000)
    crash = () => {
      clock.stop()
      disk.crash()
    }
  }

  beforeEach(async () => {
    time = new Time()
    disk = new SimulatedDisk(seededDice('later').random, { syncLatency: [1, 1] })
    await open()
  })

  const keys = async (): Promise<string[]> => {
    const found: string[] = []
    const read = async () => {
      for await (const [key] of store.entries('')) found.push(key)
    }
    await time.run(read(), 60_000)
    return found
  }

  async function revive(): Promise<void> {
    crash()
    await open()
  }

  it('is read at once, and waits for a write however long that takes', async () => {
    store.writeLater(put('a'))
    assert.ok(store.version('a') > 0)
    await time.advance(60_000)
    assert.deepEqual(await keys(), ['a'])
    await revive()
    assert.deepEqual(await keys(), [])
  })

  it('goes to disk with the next write', async () => {
    store.writeLater(put('a'))
    await time.run(store.write(put('b')), 60_000)
    await revive()
    assert.deepEqual(await keys(), ['a', 'b'])
  })

  it('goes to disk once somebody asks for that, which writes nothing where all is there', async () => {
    store.writeLater(put('a'))
    await time.run(store.sync(), 60_000)
    const before = [...disk.files().values()]
    await time.run(store.sync(), 60_000)
    assert.deepEqual([...disk.files().values()], before)
    await revive()
    assert.deepEqual(await keys(), ['a'])
  })

  it('goes to disk when there is much of it, and when the store is closed', async () => {
    for (let i = 100; i < 200; i++) store.writeLater([{ key: `${i}`, value: Buffer.alloc(5_000) }])
    await time.advance(10)
    store.writeLater(put('last'))
    await time.run(store.close(), 60_000)
    await open()
    assert.equal((await keys()).length, 101)
  })

  it('fails with a write that it would have gone with', async () => {
    store.writeLater(put('a'))
    Object.assign(disk.conditions, { syncFailure: 1 })
    await assert.rejects(time.run(store.write(put('b')), 60_000), { code: 'ERR_STORAGE' })
    Object.assign(disk.conditions, { syncFailure: 0 })
    assert.deepEqual(await keys(), [])
  })
})
