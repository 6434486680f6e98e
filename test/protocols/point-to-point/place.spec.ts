import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Cursor } from '../../../protocols/envelope/varint.ts'
import { MAX_PLACE_BYTES, readPlace, writePlace } from '../../../protocols/point-to-point/codec.ts'

const positive = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

describe('the place of a numbered message', () => {
  it('comes back as it was written, whatever its numbers are', () => {
    fc.assert(
      fc.property(positive, positive, positive, (epoch, one, other) => {
        const place = { epoch, number: Math.max(one, other), floor: Math.min(one, other) }
        const bytes = new Uint8Array(MAX_PLACE_BYTES)
        const end = writePlace(bytes, 0, place)
        const cursor = new Cursor().open(bytes)
        assert.deepEqual(readPlace(cursor), place)
        assert.equal(cursor.position, end)
      })
    )
  })

  it('is refused where its floor is below 1', () => {
    for (const bytes of [
      [1, 0, 0],
      [1, 5, 5],
      [1, 5, 6]
    ]) {
      assert.throws(() => readPlace(new Cursor().open(Uint8Array.from(bytes))), { code: 'ERR_MALFORMED' })
    }
  })

  it('is refused where it ends too early', () => {
    assert.throws(() => readPlace(new Cursor().open(Uint8Array.from([1, 5]))), { code: 'ERR_MALFORMED' })
  })
})
