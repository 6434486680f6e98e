import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BATCH_BYTES, BATCH_FRAMES } from '../../../protocols/framing/constants.ts'
import { ReceiveCredit, SendCredit } from '../../../src/runtime/links/credit.ts'
import { LIMITS, stations, text, WORD } from './ground.ts'

describe('credit between two ends', () => {
  it('never stalls a sender whose receiver consumes, and never lets it pass the window by more than a batch', () => {
    const batch = fc.record({ frames: fc.integer({ min: 1, max: BATCH_FRAMES }), bytes: fc.nat(BATCH_BYTES) })
    fc.assert(
      fc.property(
        fc.record({ frames: fc.integer({ min: 1, max: 5_000 }), bytes: fc.integer({ min: 1, max: 1 << 20 }) }),
        fc.array(batch, { maxLength: 60 }),
        (window, batches) => {
          const sender = new SendCredit()
          const receiver = new ReceiveCredit(window, 1 << 16)
          sender.raise({ frames: Math.max(window.frames, 1024), bytes: Math.max(window.bytes, 262_144) })
          let kept: number[] = []
          for (const { frames, bytes } of batches) {
            if (!sender.open) {
              // All that came is consumed: then there is room again.
              for (const size of kept) {
                const credit = receiver.consume(size)
                if (credit !== undefined) sender.raise(credit)
              }
              kept = []
              assert.equal(receiver.outstanding, 0)
              assert.equal(sender.open, true)
            }
            sender.spend(frames, bytes)
            for (let i = 0; i < frames; i++) {
              const size = i === 0 ? bytes : 0
              assert.equal(receiver.receive(size), true)
              kept.push(size)
            }
          }
        }
      )
    )
  })

  it('gives nothing for what was never received', () => {
    const receiver = new ReceiveCredit({ frames: 1024, bytes: 262_144 }, 1 << 16)
    for (let i = 0; i < 10_000; i++) assert.equal(receiver.consume(1_000), undefined)
    assert.equal(receiver.outstanding, 0)
  })
})

describe('a receiver that consumes nothing', () => {
  it('stops its sender at the window, says so, and lets it go on', async () => {
    const { time, a, b } = await stations(2)
    b.consuming = false
    const link = a.to(b)
    let sent = 0
    while (sent < 5_000) {
      link.send(WORD, text('x'), true)
      sent++
    }
    await time.advance(1_000)
    assert.ok(b.received.length >= LIMITS.window.frames)
    assert.ok(b.received.length <= LIMITS.window.frames + BATCH_FRAMES)
    assert.equal(link.writable, false)
    const slow = a.events.filter(({ kind }) => kind === 'slow-consumer')
    assert.equal(slow.length, 1)
    assert.equal((slow[0] as { peer: string }).peer, b.peer)
    const waiting = link.drained()
    b.consumeKept()
    await time.run(waiting, 1_000)
    assert.equal(link.writable, true)
    await time.advance(1_000)
    assert.equal(b.received.length, 5_000)
  })

  it('holds no more than the window of bytes and a batch', async () => {
    const { time, a, b } = await stations(2)
    b.consuming = false
    const link = a.to(b)
    let refused = 0
    for (let i = 0; i < 2_000; i++) {
      try {
        link.send(WORD, new Uint8Array(4_000), true)
      } catch {
        refused++
      }
      if (i % 50 === 0) await time.advance(5)
    }
    const held = b.received.reduce((sum, { bytes }) => sum + bytes, 0)
    assert.ok(held >= LIMITS.window.bytes && held <= LIMITS.window.bytes + 2 * BATCH_BYTES, `${held} bytes held`)
    assert.ok(link.queued <= LIMITS.queueBytes + 5_000, `${link.queued} bytes queued`)
    assert.ok(refused > 0)
  })

  it('stops one lane alone', async () => {
    const { time, a, b } = await stations(2)
    b.consuming = false
    for (let i = 0; i < 5_000; i++) a.to(b, 'normal').send(WORD, text('x'), true)
    await time.advance(1_000)
    const before = b.received.length
    assert.equal(a.to(b, 'control').send(WORD, text('control'), true), true)
    await time.advance(50)
    assert.deepEqual(b.texts.slice(before), ['control'])
  })

  it('takes a message larger than its window, one at a time', async () => {
    const { time, a, b } = await stations(2)
    const link = a.to(b)
    for (let i = 0; i < 3; i++) {
      link.send(WORD, new Uint8Array(900_000), true)
      await time.run(link.drained(), 10_000)
    }
    await time.advance(1_000)
    assert.equal(b.received.length, 3)
  })
})
