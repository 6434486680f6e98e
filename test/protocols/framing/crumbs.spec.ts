import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FrameReader } from '../../../protocols/framing/frame-reader.ts'
import { FrameWriter } from '../../../protocols/framing/frame-writer.ts'

function frame(body: Uint8Array): Uint8Array {
  const writer = new FrameWriter(1 << 16)
  const at = writer.begin(0x10, body.length)
  writer.buffer.set(body, at)
  writer.end(at + body.length)
  return writer.seal()
}

describe('a frame that comes in crumbs', () => {
  it('is whole, and never held in many pieces', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 100_000 }), (size, length) => {
        const body = Uint8Array.from({ length }, (_, i) => i * 31)
        const bytes = frame(body)
        const frames: Uint8Array[] = []
        const reader = new FrameReader(1 << 20, (_, whole) => frames.push(Uint8Array.from(whole)))
        let most = 0
        for (let at = 0; at < bytes.length; at += size) {
          reader.push(bytes.subarray(at, at + size))
          most = Math.max(most, reader.pieces)
        }
        assert.deepEqual(frames, [body])
        assert.equal(reader.held, 0)
        assert.ok(most <= 64 + 20, `${most} pieces`)
      }),
      { numRuns: 60 }
    )
  })
})
