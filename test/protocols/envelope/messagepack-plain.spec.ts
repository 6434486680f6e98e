import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pack, packInto, unpack } from '../../../protocols/envelope/messagepack.ts'
import { data } from './arbitraries.ts'

/** No whole number: whatever holds it is not plain, all of it. */
const OTHER = 1.5
const OTHER_BYTES = pack(OTHER)

const key = fc.stringMatching(/^[a-z$_]{0,12}$/)
/** Mostly plain, at its bounds, and with some that is not. */
const plain: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      undefined,
      -0,
      '',
      '$',
      '__proto__',
      'é',
      2 ** 32,
      -1,
      128,
      256,
      65_536
    ),
    fc.nat(),
    fc.nat({ max: 300 }),
    fc.string({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 17 }),
    fc.dictionary(key, tie('value'), { maxKeys: 17, noNullPrototype: true })
  )
})).value

/** What the other encoder makes of it: it stands between the head of an array and what makes the array not plain. */
function otherwise(value: unknown): Uint8Array {
  const bytes = pack([value, OTHER])
  return bytes.subarray(1, bytes.length - OTHER_BYTES.length)
}

/** What the other decoder makes of it, or that it refuses. */
function readOtherwise(bytes: Uint8Array): unknown {
  return (unpack(Buffer.concat([Uint8Array.of(0x92), bytes, OTHER_BYTES])) as unknown[])[0]
}

function outcome(read: () => unknown): unknown {
  try {
    return { value: read() }
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('envelope: plain MessagePack', () => {
  for (const [name, values] of [
    ['plain data', plain],
    ['any data', data]
  ] as const) {
    it(`is what the other encoder writes and the other decoder reads: ${name}`, () => {
      fc.assert(
        fc.property(values, (value) => {
          const bytes = outcome(() => pack(value))
          assert.deepEqual(
            bytes,
            outcome(() => new Uint8Array(otherwise(value)))
          )
          if (typeof bytes === 'string') return
          const packed = (bytes as { value: Uint8Array }).value
          assert.deepEqual(unpack(packed), readOtherwise(packed))
          const room = new Uint8Array(packed.length + 2)
          assert.equal(packInto(value, room, 2), room.length)
          assert.deepEqual(room.subarray(2), packed)
          assert.equal(packInto(value, room.subarray(1), 2), -1)
        }),
        { numRuns: 2_000 }
      )
    })
  }

  it('reads whatever bytes as the other decoder does, or refuses them as it does', () => {
    const damaged = fc.tuple(plain, fc.nat(), fc.nat({ max: 255 })).map(([value, at, byte]) => {
      const bytes = new Uint8Array(outcome(() => pack(value)) instanceof Object ? pack(value) : [0xc0])
      bytes[at % bytes.length] = byte
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ minLength: 1, maxLength: 24 })), (bytes) => {
        const read = outcome(() => unpack(bytes))
        const whole = outcome(() => readOtherwise(bytes))
        // Two values, or less than one, are refused here, and shift what follows there.
        if (typeof read === 'string') return
        assert.deepEqual(read, whole)
      }),
      { numRuns: 5_000 }
    )
  })

  it('is not mixed up with what a getter packs meanwhile', () => {
    const inner: Uint8Array[] = []
    const value = {
      before: 1,
      get between() {
        inner.push(pack({ inner: 'x'.repeat(20) }), pack(new Uint8Array(6_000)))
        return 2
      },
      after: 'y'.repeat(20)
    }
    const outer = Array.from({ length: 300 }, () => pack(value))
    for (const bytes of outer) assert.deepEqual(unpack(bytes), { before: 1, between: 2, after: 'y'.repeat(20) })
    for (const [i, bytes] of inner.entries())
      assert.deepEqual(unpack(bytes), i % 2 === 0 ? { inner: 'x'.repeat(20) } : new Uint8Array(6_000))
  })

  it('gives each its own bytes', () => {
    const all = Array.from({ length: 5_000 }, (_, i) => pack({ key: `key ${i}`, value: i }))
    for (const [i, bytes] of all.entries()) assert.deepEqual(unpack(bytes), { key: `key ${i}`, value: i })
  })

  it('gives bytes as a plain Uint8Array, also out of a Buffer', () => {
    const value = unpack(Buffer.from(pack({ value: Buffer.from('abc') }))) as { value: Uint8Array }
    assert.equal(Object.getPrototypeOf(value.value), Uint8Array.prototype)
    assert.deepEqual(value.value, new Uint8Array([0x61, 0x62, 0x63]))
  })
})
