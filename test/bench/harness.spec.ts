import assert from 'node:assert/strict'
import { envelopes, packr, readEnvelope } from '../../scripts/bench/baselines/envelope.ts'
import { batchedFrames, eachFrame, readFrames } from '../../scripts/bench/baselines/frames.ts'
import type { Pipe } from '../../scripts/bench/baselines/pipe.ts'
import { median } from '../../scripts/bench/harness/compare.ts'
import { Tally } from '../../scripts/bench/harness/tally.ts'

function recorder(): { pipe: Pipe; written: Buffer[] } {
  const written: Buffer[] = []
  const pipe: Pipe = {
    write: (bytes) => written.push(Buffer.from(bytes)) > 0,
    drained: async () => {},
    onBytes: () => {},
    close: () => {}
  }
  return { pipe, written }
}

describe('the benchmark harness', () => {
  it('takes the median', () => {
    assert.equal(median([5, 1, 3]), 3)
    assert.equal(median([4, 1, 3, 2]), 2.5)
  })

  it('cuts frames again however the bytes were split', async () => {
    const frames = [0, 1, 3, 200, 70_000, 5].map((length, i) => Buffer.alloc(length, i))
    for (const framing of [eachFrame, batchedFrames]) {
      const { pipe, written } = recorder()
      const writer = framing(pipe)
      for (const frame of frames) writer.write(frame)
      await new Promise(setImmediate)
      const bytes = Buffer.concat(written)
      for (const step of [1, 2, 3, 7, 64, 4096, bytes.length]) {
        const read: Buffer[] = []
        readFrames(pipe, (frame) => read.push(Buffer.from(frame)))
        for (let at = 0; at < bytes.length; at += step) pipe.onBytes(bytes.subarray(at, at + step))
        assert.deepEqual(read, frames, `${framing.name} in steps of ${step}`)
      }
    }
  })

  it('batches what one turn writes', async () => {
    const { pipe, written } = recorder()
    const writer = batchedFrames(pipe)
    for (let i = 0; i < 100; i++) writer.write(Buffer.alloc(1000))
    assert.equal(written.length, 1, 'a full batch leaves at once')
    await new Promise(setImmediate)
    assert.equal(written.length, 2, 'the rest leaves with the turn')
  })

  it('tells a lost, a doubled and an altered message', () => {
    const make = envelopes('/a', 'b')
    const messages = [1, 2, 3].map((value) => make(new Uint8Array(128).fill(value)))
    const account = (read: typeof messages) => {
      const tally = new Tally()
      for (const message of read) readEnvelope(packr.pack(message), tally)
      return tally.account()
    }
    const sent = new Tally()
    for (const { id, data } of messages) sent.sent(id, data)
    const [first, second, third] = messages as [(typeof messages)[0], (typeof messages)[0], (typeof messages)[0]]
    assert.deepEqual(account([third, first, second]), sent.account())
    assert.notDeepEqual(account([first, second]), sent.account())
    assert.notDeepEqual(account([first, second, { ...third, id: first.id }]), sent.account())
    assert.notDeepEqual(account([first, second, { ...third, data: new Uint8Array(128).fill(4) }]), sent.account())
  })
})
