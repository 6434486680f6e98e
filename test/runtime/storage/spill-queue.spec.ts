import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { type SpillHost, SpillQueue } from '../../../src/runtime/storage/spill-queue.ts'
import { SimulatedDisk } from '../../../src/testing/disk.ts'
import { Time } from '../../../src/testing/time.ts'
import { seeded } from '../../core/seeded.ts'

interface Item {
  id: number
  guarded: boolean
}

/** One life of a queue on a disk that outlives it. */
class Life {
  readonly stored = new Set<number>()
  readonly failed = new Set<number>()
  readonly queue: SpillQueue<Item>
  left = 0

  constructor(disk: SimulatedDisk, time: Time) {
    const host: SpillHost<Item> = {
      stored: ({ id }) => void this.stored.add(id),
      failed: ({ id }) => void this.failed.add(id),
      lost: (records) => records.forEach((record) => void this.failed.add(idOf(record))),
      opened: (left) => {
        this.left = left
      },
      broken: () => {}
    }
    this.queue = new SpillQueue<Item>(disk.attach(time.clock()), 2 ** 30, () => {}, host)
  }

  push(id: number, guarded: boolean): void {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(id)
    assert.ok(this.queue.push(bytes, { id, guarded }, guarded))
  }
}

function idOf(bytes: Uint8Array): number {
  return Buffer.from(bytes).readUInt32LE(0)
}

describe('a queue on disk', () => {
  it('hands everything out in order, and of a crash loses what was in memory, and nothing twice', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 20 }), guarded: fc.boolean() }) },
      { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 30 }) }) },
      { weight: 2, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 10 }) }) },
      { weight: 1, arbitrary: fc.constant({ crash: true }) }
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer(), async (steps, seed) => {
        const time = new Time()
        const disk = new SimulatedDisk(seeded(seed))
        let life = new Life(disk, time)
        let next = 0
        const out: number[] = []
        /** Own items that were on disk and not handed out: what no crash may take. */
        const kept = new Set<number>()
        const settle = async (): Promise<void> => {
          await time.advance(20)
          for (const id of life.stored) if (!out.includes(id) && !guardedOnes.has(id)) kept.add(id)
        }
        const guardedOnes = new Set<number>()
        for (const one of steps) {
          if ('push' in one) {
            for (let i = 0; i < one.push; i++) {
              if (one.guarded) guardedOnes.add(next)
              life.push(next++, one.guarded)
            }
          } else if ('take' in one) {
            const taken = await time.run(life.queue.take(one.take, 2 ** 20), 10_000)
            for (const { bytes, item } of taken) {
              const id = idOf(bytes)
              if (item !== undefined) assert.equal(item.id, id)
              assert.ok(out.length === 0 || id > out.at(-1)!, `${id} after ${out.at(-1)}`)
              out.push(id)
              kept.delete(id)
            }
          } else if ('wait' in one) {
            await settle()
          } else {
            await settle()
            disk.crash()
            life = new Life(disk, time)
            await time.advance(50)
            assert.equal(life.left, [...kept].length)
          }
        }
        await settle()
        for (;;) {
          const taken = await time.run(life.queue.take(100, 2 ** 20), 10_000)
          if (taken.length === 0) break
          for (const { bytes } of taken) {
            const id = idOf(bytes)
            assert.ok(out.length === 0 || id > out.at(-1)!)
            out.push(id)
            kept.delete(id)
          }
        }
        assert.deepEqual([...kept], [])
        assert.equal(life.queue.length, 0)
      }),
      { numRuns: 60 }
    )
  })

  it('says what could not be written, and goes on when it can be again', async () => {
    const time = new Time()
    const disk = new SimulatedDisk(seeded(1))
    const life = new Life(disk, time)
    await time.advance(50)
    life.push(0, false)
    await time.advance(50)
    disk.conditions.syncFailure = 1
    life.push(1, false)
    life.push(2, true)
    await time.advance(50)
    assert.deepEqual([...life.failed], [1, 2])
    disk.conditions.syncFailure = 0
    life.push(3, true)
    await time.advance(50)
    const taken = await time.run(life.queue.take(10, 1_000), 10_000)
    assert.deepEqual(
      taken.map(({ bytes }) => idOf(bytes)),
      [0, 3]
    )
  })
})
