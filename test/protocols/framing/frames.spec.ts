import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MeshError } from '../../../protocols/errors.ts'
import { FrameReader } from '../../../protocols/framing/frame-reader.ts'
import { FrameWriter } from '../../../protocols/framing/frame-writer.ts'

interface Frame {
  kind: number
  body: number[]
}

function write(frames: Frame[], slab: number, sealEvery: number): Uint8Array[] {
  const writer = new FrameWriter(slab)
  const batches: Uint8Array[] = []
  frames.forEach(({ kind, body }, i) => {
    const at = writer.begin(kind, body.length + 3)
    writer.buffer.set(body, at)
    assert.equal(writer.end(at + body.length), body.length)
    if (i % sealEvery === 0) batches.push(writer.seal())
  })
  batches.push(writer.seal())
  return batches
}

function read(chunks: Uint8Array[], maxFrame = 1 << 20): Frame[] {
  const frames: Frame[] = []
  const reader = new FrameReader(maxFrame, (kind, body) => frames.push({ kind, body: [...body] }))
  for (const chunk of chunks) reader.push(chunk)
  assert.equal(reader.held, 0)
  return frames
}

const frame = fc.record(
  {
    kind: fc.integer({ min: 0, max: 255 }),
    body: fc.oneof(
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }),
      fc.constantFrom(127, 128, 16_380, 16_384, 20_000).map((n) => new Array<number>(n).fill(7))
    )
  },
  { noNullPrototype: true }
)

describe('framing: frames', () => {
  it('come back whole, whatever the batches and the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 20 }),
        fc.integer({ min: 16, max: 4096 }),
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }),
        (frames, slab, sealEvery, cuts) => {
          const bytes = Buffer.concat(write(frames, slab, sealEvery))
          const chunks: Uint8Array[] = []
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = cuts[i % cuts.length]!
            chunks.push(bytes.subarray(at, at + size))
            at += size
          }
          assert.deepEqual(read(chunks), frames)
        }
      )
    )
  })

  it('come back when the stream is cut at every byte', () => {
    const frames = [
      { kind: 1, body: [1, 2, 3] },
      { kind: 2, body: [] },
      { kind: 3, body: new Array<number>(300).fill(9) }
    ]
    const bytes = Buffer.concat(write(frames, 64, 2))
    assert.deepEqual(read([...bytes].map((byte) => Uint8Array.of(byte))), frames)
    for (let cut = 1; cut < bytes.length; cut++) {
      assert.deepEqual(read([bytes.subarray(0, cut), bytes.subarray(cut)]), frames)
    }
  })

  it('are refused when too long, empty, or with a length that does not end', () => {
    const codes: [number[], string][] = [
      [[0xff, 0xff, 0x03], 'ERR_MESSAGE_TOO_LARGE'],
      [[0x80, 0x00], 'ERR_MALFORMED'],
      [[0xff, 0xff, 0xff, 0xff, 0x01], 'ERR_MALFORMED']
    ]
    for (const [bytes, code] of codes) {
      assert.throws(
        () => read([Uint8Array.from(bytes)], 1000),
        (error) => error instanceof MeshError && error.code === code
      )
      assert.throws(
        () =>
          read(
            bytes.map((b) => Uint8Array.of(b)),
            1000
          ),
        { code }
      )
    }
  })

  it('never make the reader hold more than came', () => {
    const reader = new FrameReader(1 << 24, () => assert.fail('no frame is whole'))
    reader.push(Uint8Array.of(0xff, 0xff, 0xff, 0x07, 1))
    assert.equal(reader.held, 5)
  })
})
