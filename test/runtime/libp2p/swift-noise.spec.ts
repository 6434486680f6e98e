import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import type { MessageStream } from '@libp2p/interface'
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { cipher } from '../../../src/runtime/libp2p/cipher.ts'
import { loadIdentity } from '../../../src/runtime/libp2p/identity.ts'
import { createLibp2pNetwork } from '../../../src/runtime/libp2p/network.ts'
import { NoiseReader } from '../../../src/runtime/libp2p/noise-reader.ts'
import { swiftReader } from '../../../src/runtime/libp2p/swift-noise.ts'
import { until } from '../../kit/until.ts'

const key = randomBytes(32)
const nonce = randomBytes(12)
const associated = [new Uint8Array(0), randomBytes(32)]

function cut(bytes: Uint8Array, lengths: number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const length of lengths) {
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  return [...pieces, bytes.subarray(at)]
}

describe('libp2p: Noise at less cost', () => {
  for (const size of [0, 1, 150, 495, 511, 512, 1_200, 16_384, 16_385, 65_519]) {
    it(`seals ${size} bytes as Noise does, and opens what Noise sealed`, () => {
      const plain = randomBytes(size)
      for (const ad of associated) {
        const list = new Uint8ArrayList(...cut(plain, [12, 1])) as unknown as Uint8Array
        const theirs = defaultCrypto.chaCha20Poly1305Encrypt(plain, nonce, ad, key).subarray()
        for (const given of [plain, list]) {
          const ours = cipher.chaCha20Poly1305Encrypt(given, nonce, ad, key).subarray()
          assert.deepEqual(Buffer.from(ours), Buffer.from(theirs))
        }
        const opened = cipher.chaCha20Poly1305Decrypt(theirs, nonce, ad, key).subarray()
        assert.deepEqual(Buffer.from(opened), plain)
        const forged = Uint8Array.from(theirs)
        forged[forged.length - 1]! ^= 1
        assert.throws(() => cipher.chaCha20Poly1305Decrypt(forged, nonce, ad, key))
      }
    })
  }

  it('cuts messages out of whatever chunks they come in, and lets go of the chunks', () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 8_000, max: 30_000 }).map((size): Uint8Array => randomBytes(size))
    )
    const messages = fc.array(message, { maxLength: 12 })
    fc.assert(
      fc.property(messages, fc.array(fc.nat(20_000)), fc.boolean(), (messages, lengths, lists) => {
        const wire = Buffer.concat(messages.flatMap((m) => [Buffer.from([m.length >> 8, m.length & 0xff]), m]))
        const reader = new NoiseReader()
        // Each chunk is a buffer of its own, as a socket's are.
        const chunks = cut(wire, lengths).map((piece) => Uint8Array.from(piece))
        const read: Buffer[] = []
        const take = (chunk: Uint8Array | Uint8ArrayList): void => {
          for (const m of reader.decode(chunk)) read.push(Buffer.from(m.subarray()))
        }
        if (lists) take(new Uint8ArrayList(...chunks))
        else chunks.forEach(take)
        const expected = messages.filter((m) => m.length > 0)
        assert.deepEqual(
          read,
          expected.map((m) => Buffer.from(m))
        )
        for (const chunk of chunks) assert.ok(chunk.length < 8_192, 'a large chunk is kept')
      }),
      { numRuns: 200 }
    )
  })

  it('reads the connections of the Noise that is installed', async () => {
    const { prototype } = NoiseReader
    const { decode } = prototype
    let chunks = 0
    prototype.decode = function (chunk) {
      chunks++
      return decode.call(this, chunk)
    }
    const listen = ['/ip4/127.0.0.1/tcp/0']
    const [a, b] = [
      await createLibp2pNetwork({ identity: await loadIdentity(), listen }),
      await createLibp2pNetwork({ identity: await loadIdentity(), listen })
    ]
    try {
      await Promise.all([a.host.start(), b.host.start()])
      await a.host.dial(b.host.addresses()[0]!)
      await until('the reader to be used: or has an upgrade taken it away?', () => chunks > 0)
    } finally {
      prototype.decode = decode
      await Promise.all([a.host.stop(), b.host.stop()])
    }
  })

  it('takes over what came behind the handshake and is no whole message', () => {
    const wire = Uint8Array.from([0, 3, 1, 2, 3])
    const connection = {
      decoder: { decode: () => [], buffer: new Uint8ArrayList(wire.subarray(0, 3)) } as {
        decode(chunk: Uint8Array): Iterable<Uint8Array>
      },
      decrypt: (message: Uint8Array) => message,
      handshake: { decrypt: (message: Uint8Array) => message }
    }
    assert.ok(swiftReader(connection as unknown as MessageStream))
    const messages = [...connection.decoder.decode(wire.subarray(3))]
    assert.deepEqual(
      messages.map((message) => [...message.subarray()]),
      [[1, 2, 3]]
    )
  })

  it('leaves connections of other makes alone', () => {
    assert.equal(swiftReader({} as MessageStream), false)
  })
})
