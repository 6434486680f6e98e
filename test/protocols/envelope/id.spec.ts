import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatId, IdSource, newId, parseId } from '../../../protocols/envelope/id.ts'

const entropy = (n: number) => Uint8Array.from({ length: 8 }, (_, i) => (n * 31 + i * 7) & 0xff)

describe('envelope: ids', () => {
  it('are UUIDv7 whose text sorts by time and order of making', () => {
    const source = new IdSource(entropy(1))
    const ids: string[] = []
    for (let now = 1_700_000_000_000; now < 1_700_000_000_100; now++) {
      for (let i = 0; i < 50; i++) {
        source.next(now)
        ids.push(source.text())
      }
    }
    assert.deepEqual([...ids].sort(), ids)
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('rise although the clock steps back and the counter wraps', () => {
    const source = new IdSource(entropy(2))
    source.next(1000)
    source.counter = 0xffff_fffe
    const ids = [1000, 1000, 400, 1000, 999].map((now) => {
      source.next(now)
      return source.text()
    })
    assert.deepEqual([...ids].sort(), ids)
  })

  it('come back from their text', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.integer({ min: 0, max: 255 }),
        (ms, counter, n) => {
          const { lineage } = new IdSource(entropy(n))
          assert.deepEqual(parseId(formatId(ms, counter, lineage)), { ms, counter, lineage })
        }
      )
    )
    const id = newId(0)
    const ofVersion4 = `${id.slice(0, 14)}4${id.slice(15)}`
    for (const other of ['', 'order-7', id.toUpperCase(), ofVersion4]) {
      assert.equal(parseId(other), undefined)
    }
  })
})
