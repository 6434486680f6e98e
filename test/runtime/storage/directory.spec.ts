import assert from 'node:assert/strict'
import { Directory } from '../../../src/runtime/storage/directory.ts'
import type { Segment } from '../../../src/runtime/storage/segment.ts'

const segment = { number: 1 } as Segment

describe('the directory of the store', () => {
  it('knows the keys that stay while tens of thousands come and go', () => {
    const directory = new Directory()
    const stay = Array.from({ length: 1_000 }, (_, i) => `stays/${i}`)
    for (const [i, key] of stay.entries()) directory.set(key, i + 1, segment, i, 10, 5, 3)
    const { bytes } = directory
    for (let i = 0; i < 30_000; i++) {
      directory.set(`goes/${i}`, 7, segment, 5_000 + i, 10, 5, 3)
      if (i >= 100) directory.delete(`goes/${i - 100}`)
    }
    for (let i = 29_900; i < 30_000; i++) {
      assert.ok(directory.isAt(`goes/${i}`, segment, 5_000 + i, 5))
      directory.delete(`goes/${i}`)
    }
    assert.deepEqual([...directory.keys()].sort(), stay.toSorted())
    for (const [i, key] of stay.entries()) {
      assert.equal(directory.version(key), i + 1)
      assert.equal(directory.find(key)?.record, i)
    }
    assert.equal(directory.bytes, bytes)
    assert.equal(directory.keysIn(segment), stay.length)
  })
})
