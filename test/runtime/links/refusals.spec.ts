import assert from 'node:assert/strict'
import fc from 'fast-check'
import { COUNTED, Kind } from '../../../protocols/framing/constants.ts'
import { framed, hello, type Rogue, rogue, SIGN, stations, text, WORD } from './ground.ts'

/** What a peer that writes these bytes finds. */
async function offend(bytes: readonly Uint8Array[], wait = 100) {
  const ground = await stations(2)
  const { world, time, a, b } = ground
  const peer: Rogue = await rogue(world, a.place, b)
  for (const chunk of bytes) peer.channel.write(chunk)
  await time.advance(wait)
  return { ...ground, peer }
}

const LONG_FRAME = Uint8Array.of(0xff, 0xff, 0xff, 0x7f, WORD)

describe('what a peer does wrong', () => {
  const offences: Record<string, { bytes: Uint8Array[]; code: string }> = {
    'a message before the hello': { bytes: [framed([WORD | COUNTED, text('x')])], code: 'ERR_PROTOCOL' },
    'credit before the hello': { bytes: [framed([Kind.credit, Uint8Array.of(1, 1)])], code: 'ERR_PROTOCOL' },
    'a second hello': { bytes: [framed(hello(), hello())], code: 'ERR_PROTOCOL' },
    'another version of framing': { bytes: [framed(hello({ version: 99 }))], code: 'ERR_UNSUPPORTED' },
    'a hello without its fields': { bytes: [framed([Kind.hello, text('\xc0')])], code: 'ERR_MALFORMED' },
    'a hello of many bytes': { bytes: [framed([Kind.hello, new Uint8Array(5_000)])], code: 'ERR_MALFORMED' },
    'an unknown kind of framing': { bytes: [framed(hello(), [0x07, text('x')])], code: 'ERR_PROTOCOL' },
    'a message that costs no credit': { bytes: [framed(hello(), [WORD, text('free')])], code: 'ERR_PROTOCOL' },
    'half a credit': { bytes: [framed(hello(), [Kind.credit, Uint8Array.of(0x80)])], code: 'ERR_MALFORMED' },
    'a frame larger than the limit': { bytes: [framed(hello()), LONG_FRAME], code: 'ERR_MESSAGE_TOO_LARGE' },
    'an empty frame': { bytes: [framed(hello()), Uint8Array.of(0)], code: 'ERR_MALFORMED' },
    'a length that does not end': { bytes: [framed(hello()), new Uint8Array(8).fill(0xff)], code: 'ERR_MALFORMED' }
  }
  for (const [name, { bytes, code }] of Object.entries(offences)) {
    it(`${name} costs it the stream, is counted (${code}), and nothing else`, async () => {
      const { time, a, b, peer } = await offend(bytes)
      assert.equal(peer.ended, 'ERR_LINK_CLOSED')
      assert.deepEqual(b.refusals(), { [code]: 1 })
      assert.deepEqual(
        b.events.map((event) => event.kind === 'refused' && event.code),
        [code]
      )
      assert.deepEqual(b.received, [])
      a.to(b).send(WORD, text('an honest link'), true)
      await time.advance(50)
      assert.deepEqual(b.texts, ['an honest link'])
    })
  }

  it('sending beyond its credit costs it the stream once the window and a batch are full', async () => {
    const { time, b, a, world } = await stations(2)
    b.consuming = false
    const peer = await rogue(world, a.place, b)
    peer.channel.write(framed(hello()))
    const messages = framed(...Array.from({ length: 1_000 }, () => [WORD | COUNTED, text('x')] as [number, Uint8Array]))
    for (let i = 0; i < 5; i++) peer.channel.write(messages)
    await time.advance(100)
    assert.deepEqual(b.refusals(), { ERR_PROTOCOL: 1 })
    assert.equal(b.received.length, 2_048)
  })

  it('what its protocol calls garbage costs it the stream too', async () => {
    const { world, time, a, b } = await stations(2)
    b.frame = () => {
      throw new RangeError('a mistake of ours')
    }
    const peer = await rogue(world, a.place, b)
    peer.channel.write(framed(hello(), [SIGN, text('?')]))
    await time.advance(100)
    assert.equal(peer.ended, 'ERR_LINK_CLOSED')
  })

  it('more streams than it may have are reset, and the others stay', async () => {
    const { world, time, a, b } = await stations(2)
    const peers: Rogue[] = []
    for (let i = 0; i < 6; i++) peers.push(await rogue(world, a.place, b))
    await time.advance(100)
    assert.deepEqual(
      peers.map(({ ended }) => ended),
      [undefined, undefined, undefined, undefined, 'ERR_LINK_CLOSED', 'ERR_LINK_CLOSED']
    )
    assert.deepEqual(b.refusals(), { ERR_LIMIT: 2 })
    await time.run(peers[0]!.channel.close(), 1_000)
    await time.advance(100)
    assert.equal((await rogue(world, a.place, b)).ended, undefined)
  })

  it('a hello that does not come costs it the stream after the handshake’s time, even byte by byte', async () => {
    const { world, time, a, b } = await stations(2)
    const [silent, slow] = [await rogue(world, a.place, b), await rogue(world, a.place, b, 'bulk')]
    const bytes = framed(hello())
    for (const [i] of bytes.entries()) {
      if (time.now > 15_000) break
      slow.channel.write(bytes.subarray(i, i + 1))
      await time.advance(900)
    }
    assert.deepEqual([silent.ended, slow.ended], ['ERR_LINK_CLOSED', 'ERR_LINK_CLOSED'])
    assert.deepEqual(b.refusals(), { ERR_LIMIT: 2 })
  })

  it('a frame that stays unfinished costs it the stream after the read deadline', async () => {
    const { time, b, peer } = await offend([framed(hello()), Uint8Array.of(0x80, 0x01, WORD | COUNTED)])
    await time.advance(29_000)
    assert.equal(peer.ended, undefined)
    await time.advance(3_000)
    assert.equal(peer.ended, 'ERR_LINK_CLOSED')
    assert.deepEqual(b.refusals(), { ERR_LIMIT: 1 })
  })

  it('a busy stream whose chunks end inside frames is no unfinished frame', async () => {
    const { time, b, peer } = await offend([framed(hello())])
    const frame = framed([WORD | COUNTED, text('0123456789')])
    peer.channel.write(frame.subarray(0, 5))
    for (let i = 0; i < 80; i++) {
      peer.channel.write(Buffer.concat([frame.subarray(5), frame.subarray(0, 5)]))
      await time.advance(1_000)
    }
    assert.equal(peer.ended, undefined)
    assert.equal(b.received.length, 80)
  })

  it('whatever it writes resets its stream at most, and leaves the node whole', async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constant(framed(hello())),
      fc
        .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }))
        .map(([kind, body]) => framed([kind, body]))
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.integer(), async (pieces, seed) => {
        const { world, time, a, b } = await stations(2, {}, { seed, fragmentation: 0.5 })
        const peer = await rogue(world, a.place, b)
        for (const bytes of pieces) if (bytes.length > 0) peer.channel.write(bytes)
        await time.advance(60_000)
        const count = Object.values(b.refusals()).reduce((sum, n) => sum + n, 0)
        assert.equal(count, peer.ended === undefined ? 0 : 1)
        a.to(b).send(WORD, text('still here'), true)
        await time.advance(50)
        assert.equal(b.texts.at(-1), 'still here')
      }),
      { numRuns: 150 }
    )
  })
})
