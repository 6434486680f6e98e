import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Deliveries, type Delivery } from '../../../src/core/delivery/deliveries.ts'
import { DeliveryRecord } from '../../../src/runtime/delivery/delivery-record.ts'
import { createMemoryStore } from '../../../src/runtime/storage/memory-store.ts'

const ENTROPY = 3

const steps = fc.array(
  fc.record({
    deed: fc.constantFrom('done', 'done', 'done', 'done', 'done', 'fail', 'floor', 'reload', 'reload', 'epoch'),
    number: fc.integer({ min: 1, max: 60 }),
    rare: fc.nat(9)
  }),
  { maxLength: 150 }
)

function seen({ epoch, floor, bounds }: Deliveries<Delivery>): object {
  return { epoch, floor, bounds: [...bounds] }
}

describe('the record of a host’s deliveries', () => {
  it('comes back as it was, whatever of it was written when, and failed', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 6 }), async (list, mostYoung) => {
        const store = createMemoryStore()
        let record = new DeliveryRecord('a', store, mostYoung)
        let deliveries: Deliveries<Delivery> = await record.load(ENTROPY)
        let written = seen(deliveries)
        let epoch = 1
        let floor = 1
        for (const { deed, number, rare } of list) {
          if (deed === 'epoch' && rare < 5) {
            epoch++
            floor = 1
          } else if (deed === 'floor') floor = Math.max(floor, Math.min(floor + rare, number))
          else if (deed === 'reload') {
            record = new DeliveryRecord('a', store, mostYoung)
            deliveries = await record.load(ENTROPY)
            assert.deepEqual(seen(deliveries), written)
          } else if (number >= floor && deliveries.begin({ epoch, number, floor }) === 'new') {
            const delivery = { epoch, number }
            deliveries.start(delivery)
            deliveries.done(delivery)
            const changes = record.changes(deliveries, [delivery])
            record.given()
            if (deed === 'fail') {
              deliveries.undone(delivery)
              record.failed()
            } else {
              await store.write(changes)
              written = seen(deliveries)
            }
            deliveries.end(delivery)
          }
        }
      }),
      { numRuns: 1_000 }
    )
  })

  it('writes as much for the next delivery, whatever its sender has left unsettled', () => {
    const record = new DeliveryRecord('a', createMemoryStore())
    const deliveries = new Deliveries<Delivery>(ENTROPY)
    let most = 0
    let sum = 0
    for (let number = 2; number <= 20_000; number += 2) {
      deliveries.begin({ epoch: 1, number, floor: 1 })
      const delivery = { epoch: 1, number }
      deliveries.done(delivery)
      const size = record.changes(deliveries, [delivery]).reduce((bytes, { value }) => bytes + value!.length, 0)
      record.given()
      most = Math.max(most, size)
      sum += size
    }
    assert.ok(most > 10_000, 'now and then all of it')
    assert.ok(sum / 10_000 < 1_000, `${sum / 10_000} bytes on average`)
    const last = { epoch: 1, number: 20_001 }
    deliveries.begin({ ...last, floor: 20_001 })
    deliveries.done(last)
    const [young, old] = record.changes(deliveries, [last])
    assert.ok(young!.value!.length < 16)
    assert.deepEqual(old, { key: 'inbox/a/old', value: undefined }, 'of what is settled nothing is kept')
  })

  it('refuses what it cannot read', async () => {
    const old = { key: 'inbox/a/old', value: Uint8Array.of(1, 7, 1, 1) }
    const records = {
      'another format': [Uint8Array.of(2, 7, 1, 1)],
      'half a number': [Uint8Array.of(1, 7, 1, 1, 0x80)],
      'half a range': [Uint8Array.of(1, 7, 1, 1, 5)],
      'an old part that is missing': [Uint8Array.of(1, 7, 1, 4, 5, 1)],
      'an old part of another epoch': [Uint8Array.of(1, 8, 1, 4, 5, 1), old]
    }
    for (const [name, [value, other]] of Object.entries(records)) {
      const store = createMemoryStore()
      await store.write([{ key: 'inbox/a', value: value as Uint8Array }, ...(other ? [other as typeof old] : [])])
      await assert.rejects(new DeliveryRecord('a', store).load(ENTROPY), { code: 'ERR_CORRUPT' }, name)
    }
  })
})
