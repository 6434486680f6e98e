import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { envelopes, packr, readEnvelope } from '../../scripts/bench/baselines/envelope.ts'
import { batchedFrames, eachFrame, readFrames } from '../../scripts/bench/baselines/frames.ts'
import { Kind, packet, readPackets } from '../../scripts/bench/baselines/mqtt-packets.ts'
import type { Pipe } from '../../scripts/bench/baselines/pipe.ts'
import { median, type Row } from '../../scripts/bench/harness/compare.ts'
import { cpuSecondsOf, peakMiBOf } from '../../scripts/bench/harness/other-process.ts'
import { table } from '../../scripts/bench/harness/table.ts'
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

  it('cuts packets of MQTT again however the bytes were split', async () => {
    const bodies = [0, 1, 127, 128, 16_384, 5].map((length, i) => Buffer.alloc(length, i))
    const bytes = Buffer.concat(bodies.map((body) => packet(Kind.publish, body)))
    for (const step of [1, 2, 3, 7, 200, bytes.length]) {
      const source = new PassThrough()
      const read: Buffer[] = []
      readPackets(source, (kind, body) => {
        assert.equal(kind, Kind.publish)
        read.push(Buffer.from(body))
      })
      for (let at = 0; at < bytes.length; at += step) source.write(bytes.subarray(at, at + step))
      source.end()
      await new Promise((ended) => source.once('end', ended))
      assert.deepEqual(read, bodies, `in steps of ${step}`)
    }
  })

  it('counts processor time and memory of another process as that process does', function () {
    if (process.platform !== 'linux') this.skip()
    const seconds = (): number => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    }
    // Each of the two figures of /proc is cut to whole ticks of 10 ms.
    const least = seconds() - 0.02
    const counted = cpuSecondsOf(process.pid)
    assert.ok(counted > 0 && counted >= least && counted <= seconds(), `${least} ≤ ${counted} ≤ ${seconds()}`)
    const { rss } = process.memoryUsage()
    const peak = peakMiBOf(process.pid)
    const most = process.resourceUsage().maxRSS / 1024
    // The kernel keeps these counts by processor and adds them up now and then.
    assert.ok(peak > (0.9 * rss) / 2 ** 20 && peak < 1.1 * most, `${peak} MiB where ${rss} bytes are resident`)
    assert.throws(() => cpuSecondsOf(2 ** 22 + 1), { code: 'ENOENT' })
  })

  it('prints what a case tells beside its figure', () => {
    const both = { value: 1, baseline: 1 }
    const plain: Row = { case: 'a', unit: 'b', value: 3, baseline: 2, ratio: 1.5, runs: 1, cpu: both, peakMiB: both }
    assert.match(table([plain]), /1$/)
    assert.match(table([{ ...plain, extra: { 'read/s': 1_234, MB: 5 } }]), /read\/s 1,234, MB 5\.00$/)
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
