import assert from 'node:assert/strict'
import { COUNTED } from '../../../protocols/framing/constants.ts'
import { SIGN, stations, text, WORD } from './ground.ts'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Data segments that crossed from a since line `since`. */
const written = (lines: readonly string[], since: number): number =>
  lines.slice(since).filter((line) => / a\S* .*\bdata\b/.test(line)).length

describe('sending over links', () => {
  it('keeps what is sent before the stream is open, and its order', async () => {
    const { time, a, b } = await stations(2)
    const link = a.to(b)
    for (const word of ['one', 'two', 'three']) assert.equal(link.send(WORD, text(word), true), true)
    assert.deepEqual(b.received, [])
    await time.advance(50)
    assert.deepEqual(b.texts, ['one', 'two', 'three'])
    assert.equal(link.queued, 0)
    assert.equal(a.to(b), link)
  })

  it('sends a lone message in the same turn, and a burst in few writes', async () => {
    const { world, time, a, b } = await stations(2)
    const link = a.to(b)
    link.send(WORD, text('first'), true)
    await time.advance(50)
    link.send(WORD, text('lone'), true)
    assert.ok(link.queued > 0)
    await settled()
    assert.equal(link.queued, 0, 'it left without time passing')
    await time.advance(50)
    const before = world.trace.lines.length
    for (let i = 0; i < 500; i++) link.send(WORD, text(`${i}`), true)
    await time.advance(50)
    assert.deepEqual(
      b.texts.slice(2),
      Array.from({ length: 500 }, (_, i) => `${i}`)
    )
    assert.ok(written(world.trace.lines, before) <= 3)
  })

  it('batches what follows within a turn, and sends it at its end', async () => {
    const { time, a, b } = await stations(2)
    const link = a.to(b)
    link.send(WORD, text('open'), true)
    await time.advance(50)
    link.send(WORD, text('x'), true)
    await settled()
    link.send(WORD, text('y'), true)
    await settled()
    assert.ok(link.queued > 0, 'a second flush in one turn waits for its end')
    await time.advance(0)
    assert.equal(link.queued, 0)
  })

  it('carries 16 MiB in one message, and the other lanes past it', async () => {
    const { time, a, b } = await stations(2, {}, { bandwidth: 10_000_000 })
    const bulk = a.to(b, 'bulk')
    bulk.send(WORD, new Uint8Array(16 * 2 ** 20), true)
    await time.advance(100)
    a.to(b, 'control').send(WORD, text('urgent'), true)
    await time.advance(500)
    assert.deepEqual(b.texts, ['urgent'], 'the bulk is still on its way')
    await time.advance(10_000)
    assert.deepEqual(
      b.received.map(({ bytes }) => bytes),
      [6, 16 * 2 ** 20]
    )
    assert.throws(() => bulk.send(WORD, new Uint8Array(17 * 2 ** 20), true), { code: 'ERR_MESSAGE_TOO_LARGE' })
  })

  it('sends an acknowledgement that came in the midst of a large frame right behind it', async () => {
    const { time, a, b } = await stations(2, { queueBytes: 1 << 24 })
    const link = a.to(b)
    link.send(WORD, text('open'), true)
    await time.advance(50)
    link.send(WORD, new Uint8Array(2 ** 20), true)
    await settled()
    link.send(SIGN, text('ack'), false)
    await time.advance(1_000)
    assert.deepEqual(b.texts, ['open', '', 'ack'])
  })

  it('lets frames that cost nothing pass what waits for credit', async () => {
    const { time, a, b } = await stations(2)
    b.consuming = false
    const link = a.to(b)
    for (let i = 0; i < 3_000; i++) link.send(WORD, text('w'), true)
    await time.advance(1_000)
    const stuck = b.received.length
    assert.ok(stuck < 3_000)
    link.send(SIGN, text('sign'), false)
    link.sendInOrder(SIGN, text('in its place'))
    await time.advance(100)
    assert.deepEqual(b.texts.slice(stuck), ['sign'])
    b.consumeKept()
    await time.advance(1_000)
    assert.equal(b.received.length, 3_002)
    assert.equal(b.texts.at(-1), 'in its place')
  })

  it('gathers what comes while nothing can leave, one message a turn, into few batches', async () => {
    const { world, time, a, b } = await stations(2)
    b.consuming = false
    const link = a.to(b)
    for (let i = 0; i < 1_500; i++) link.send(WORD, text('w'), true)
    await time.advance(1_000)
    const stuck = b.received.length
    assert.ok(stuck < 1_500)
    for (let i = 0; i < 200; i++) {
      link.send(WORD, text(`${i}`), true)
      await time.advance(1)
    }
    assert.equal(b.received.length, stuck)
    const before = world.trace.lines.length
    b.consumeKept()
    await time.advance(1_000)
    assert.deepEqual(
      b.texts.slice(1_500),
      Array.from({ length: 200 }, (_, i) => `${i}`)
    )
    assert.ok(written(world.trace.lines, before) <= 5, `${written(world.trace.lines, before)} writes`)
  })

  it('refuses what passes its queue, but always takes one more while it is writable', async () => {
    const { time, a, b } = await stations(2, { queueBytes: 100_000 })
    b.consuming = false
    const link = a.to(b)
    const body = new Uint8Array(10_000)
    let sent = 0
    assert.throws(
      () => {
        for (; sent < 1_000; sent++) link.send(WORD, body, true)
      },
      { code: 'ERR_QUEUE_FULL', retryable: true }
    )
    assert.ok(sent >= 9 && sent <= 11, `${sent}`)
    assert.ok(link.queued < 115_000)
    await time.advance(50)
    assert.equal(link.writable, true)
    link.send(WORD, text('small'), true)
    link.send(WORD, new Uint8Array(1_000_000), true)
    assert.throws(() => link.send(WORD, text('x'), true), { code: 'ERR_QUEUE_FULL' })
  })

  it('takes what is sent in turn by whoever waits for room, however small its queue', async () => {
    const { time, a, b } = await stations(2, { queueBytes: 1_000 })
    b.consuming = false
    const link = a.to(b)
    let sent = 0
    const sending = (async () => {
      for (; sent < 2_000; sent++) if (!link.send(WORD, new Uint8Array(400), true)) await link.drained()
    })()
    await time.advance(1_000)
    assert.ok(sent > 100 && sent < 2_000 && link.queued < 2_000, `${sent} sent, ${link.queued} bytes wait`)
    b.consuming = true
    b.consumeKept()
    await time.run(sending, 10_000)
  })

  it('gives the memory of a large frame back when it has left', async () => {
    const { time, a, b } = await stations(2)
    const link = a.to(b)
    const body = Buffer.alloc(300_000, 'x')
    const at = link.begin(WORD | COUNTED, body.length)
    const slab = link.buffer
    slab.set(body, at)
    link.end(at + body.length, true)
    assert.ok(slab.length > body.length)
    await time.advance(100)
    assert.equal(slab.length, 0)
    assert.deepEqual(
      b.received.map(({ bytes }) => bytes),
      [body.length]
    )
  })

  it('never throws for a frame that ends something: a peer that reads nothing loses the stream instead', async () => {
    const { time, a, b } = await stations(2, { queueBytes: 10_000 })
    b.consuming = false
    const link = a.to(b)
    await time.advance(50)
    for (let i = 0; i < 2_000; i++) {
      try {
        link.send(WORD, new Uint8Array(400), true)
      } catch {
        link.sendInOrder(SIGN, new Uint8Array(2_000))
      }
      if (link.closed) break
    }
    assert.equal(link.closed, true)
    assert.deepEqual(a.refusals(), { ERR_LIMIT: 1 })
    link.sendInOrder(SIGN, text('after'))
    assert.throws(() => link.send(WORD, text('after'), true), { code: 'ERR_LINK_CLOSED' })
    await assert.rejects(link.drained(), { code: 'ERR_LINK_CLOSED' })
  })

  it('flushes what is queued when it closes, however full the socket is', async () => {
    const { time, a, b } = await stations(2, { queueBytes: 1 << 24, window: { frames: 10_000, bytes: 1 << 24 } })
    const link = a.to(b)
    link.send(WORD, text('open'), true)
    await time.advance(50)
    for (let i = 0; i < 40; i++) link.send(WORD, new Uint8Array(50_000), true)
    await settled()
    assert.ok(link.queued > 0, 'the channel asked to wait')
    await time.run(link.close(), 10_000)
    await time.advance(1_000)
    assert.equal(b.received.length, 41)
    assert.equal(link.unsent, 0)
    assert.deepEqual(
      b.closed_.map(({ error }) => error),
      [undefined]
    )
  })

  it('says what it could not send', async () => {
    const { time, a, b } = await stations(2)
    b.consuming = false
    const link = a.to(b)
    for (let i = 0; i < 3_000; i++) link.send(WORD, text('w'), true)
    await time.advance(100)
    await time.run(link.close(), 10_000)
    assert.equal(link.unsent + b.received.length, 3_000)
    assert.ok(link.unsent > 0)
  })

  it('rejects those who wait when it closes', async () => {
    const { time, a, b } = await stations(2)
    b.consuming = false
    const link = a.to(b)
    for (let i = 0; i < 2_000; i++) link.send(WORD, text('w'), true)
    const waiting = link.drained()
    await time.advance(10)
    b.table.stop().catch(() => {})
    await assert.rejects(time.run(waiting, 10_000), { code: 'ERR_LINK_CLOSED' })
  })
})
