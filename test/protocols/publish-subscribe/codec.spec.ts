import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MeshError } from '../../../protocols/errors.ts'
import * as codec from '../../../protocols/publish-subscribe/index.ts'

const bytes = fc.uint8Array({ maxLength: 300 })
const count = fc.maxSafeNat()
const plain = { noNullPrototype: true } as const
const text = fc.string({ minLength: 1, maxLength: 40 })
const range = fc.record({ epoch: count, channel: fc.nat(63), from: fc.nat(2 ** 40), more: fc.nat(63) })

/** A reader of bytes from outside either understands them or says ERR_MALFORMED. */
function survives(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof MeshError && error.code === 'ERR_MALFORMED', String(error))
  }
}

describe('publish-subscribe codec', () => {
  it('carries batches, and writes a repeated topic once', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ topic: text, bytes }, plain)), (messages) => {
        const writer = new codec.BatchWriter()
        for (const { topic, bytes } of messages) writer.add(topic, bytes)
        assert.deepEqual(codec.messagesOf(writer.finish()), messages)
      })
    )
    const writer = new codec.BatchWriter()
    for (let i = 0; i < 10; i++) writer.add('orders.eu.created', new Uint8Array(10))
    assert.equal(writer.finish().length, 10 * 13 + 17)
  })

  it('carries packets, whose first sixteen bytes are the nonce', () => {
    const ask = fc.option(
      fc.record({ token: fc.integer({ min: 1 }), peers: fc.array(text, { maxLength: 8 }) }, plain),
      {
        nil: undefined
      }
    )
    const packet = fc.record(
      {
        publisher: text,
        epoch: count,
        channel: fc.nat(63),
        number: fc.integer({ min: 1 }),
        ask,
        batch: bytes
      },
      plain
    )
    fc.assert(
      fc.property(packet, fc.uint8Array({ minLength: 16, maxLength: 16 }), (packet, nonce) => {
        const signed = codec.packetToSign(packet, nonce)
        const signature = new Uint8Array(64).fill(7)
        const sealed = codec.sealPacket(signed, signature)
        assert.deepEqual(sealed.subarray(0, 16), nonce)
        const { signed: covered, signature: read, ...rest } = codec.openPacket(sealed)
        assert.deepEqual(rest, packet)
        assert.deepEqual(covered, signed)
        assert.deepEqual(read, signature)
      })
    )
  })

  it('carries acknowledgements, syncs, repairs and skips', () => {
    fc.assert(
      fc.property(count, count, range, (token, subscribers, { more, ...rest }) => {
        const repair = { ...rest, to: rest.from + more }
        assert.deepEqual(codec.decodeAcknowledgement(codec.encodeAcknowledgement({ token, subscribers })), {
          token,
          subscribers
        })
        const sync = { token, channel: rest.channel, number: subscribers }
        assert.deepEqual(codec.decodeSync(codec.encodeSync(sync)), sync)
        assert.deepEqual(codec.decodeRepair(codec.encodeRepair(repair)), repair)
        assert.deepEqual(codec.decodeSkip(codec.encodeSkip({ ...repair, lost: 3 })), { ...repair, lost: 3 })
      })
    )
  })

  it('carries numbered batches, and how far their receiver is', () => {
    const span = { before: fc.constant(7), last: fc.integer({ min: 7 }), numbers: bytes }
    const place = { log: count, began: count, interest: count, ...span }
    const numbered = fc.record(
      {
        epoch: count,
        stream: count,
        lowest: fc.integer({ min: 1 }),
        number: count,
        token: count,
        ...place,
        batch: bytes
      },
      plain
    )
    const taken = fc.record({ epoch: count, stream: count, received: count, taken: count }, plain)
    fc.assert(
      fc.property(numbered, taken, (numbered, taken) => {
        assert.deepEqual(codec.decodeNumbered(codec.encodeNumbered(numbered)), numbered)
        assert.deepEqual(codec.decodeTaken(codec.encodeTaken(taken)), taken)
      })
    )
    const log = { log: 1, began: 0, before: 0, last: 1, interest: 1, numbers: new Uint8Array(1) }
    const none = { epoch: 1, stream: 1, lowest: 0, number: 1, token: 0, ...log, batch: new Uint8Array(1) }
    assert.throws(() => codec.decodeNumbered(codec.encodeNumbered(none)), { code: 'ERR_MALFORMED' })
  })

  it('survives garbage and every truncation', () => {
    const readers = [
      codec.messagesOf,
      codec.openPacket,
      codec.decodeAsked,
      codec.decodeAcknowledgement,
      codec.decodeSync,
      codec.decodeRepair,
      codec.decodeSkip,
      codec.decodeNumbered,
      codec.decodeTaken
    ]
    fc.assert(
      fc.property(bytes, (bytes) => {
        for (const read of readers) survives(() => read(bytes))
      }),
      { numRuns: 500 }
    )
    const packet = {
      publisher: 'p',
      epoch: 1,
      channel: 2,
      number: 3,
      ask: { token: 4, peers: ['q'] },
      batch: new Uint8Array(9)
    }
    const sealed = codec.sealPacket(codec.packetToSign(packet, new Uint8Array(16)), new Uint8Array(64))
    for (let end = 0; end < sealed.length - 64; end++)
      assert.throws(() => codec.openPacket(sealed.subarray(0, end)), { code: 'ERR_MALFORMED' })
  })
})
