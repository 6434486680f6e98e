import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { decodeData, encodeData, encodeDataInto } from '../../../protocols/envelope/data.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { data } from './arbitraries.ts'

const FORMATS = ['messagepack', 'json'] as const

function encoded(value: unknown, format: (typeof FORMATS)[number]): Uint8Array | undefined {
  try {
    return encodeData(value, format)
  } catch (error) {
    assert.equal((error as MeshError).code, 'ERR_UNREPRESENTABLE')
    return undefined
  }
}

describe('envelope: data formats', () => {
  for (const format of FORMATS) {
    it(`${format} brings back whatever it takes`, () => {
      let refused = 0
      const runs = 4_000
      fc.assert(
        fc.property(data, (value) => {
          const bytes = encoded(value, format)
          if (bytes === undefined) refused++
          else assert.deepStrictEqual(decodeData(bytes, format), value)
        }),
        { numRuns: runs }
      )
      // JSON has a form for everything; MessagePack refuses lone surrogates only
      assert.ok(format === 'json' ? refused === 0 : refused < runs / 4, `${refused} of ${runs} refused`)
    })

    it(`${format} written into a buffer is the same bytes, or -1 where there is no room`, () => {
      fc.assert(
        fc.property(data, fc.nat(40), (value, at) => {
          const bytes = encoded(value, format)
          if (bytes === undefined) return
          const target = new Uint8Array(at + bytes.length + 3).fill(0xee)
          const end = encodeDataInto(value, format, target, at)
          assert.equal(end, at + bytes.length)
          assert.deepEqual(target.subarray(at, end), bytes)
          assert.ok(target.subarray(0, at).every((byte) => byte === 0xee))
          assert.ok(target.subarray(end).every((byte) => byte === 0xee))
          if (bytes.length > 0) assert.equal(encodeDataInto(value, format, target.subarray(0, end - 1), at), -1)
        }),
        { numRuns: 500 }
      )
    })

    it(`${format} refuses every proper prefix, and anything after the end`, () => {
      fc.assert(
        fc.property(data, (value) => {
          const bytes = encoded(value, format)
          if (bytes === undefined || bytes.length > 300 || typeof value === 'number') return
          const tail = new Uint8Array([...bytes, 0x31])
          assert.throws(() => decodeData(tail, format), { code: 'ERR_MALFORMED' })
          for (let end = 0; end < bytes.length; end++) {
            assert.throws(() => decodeData(bytes.subarray(0, end), format), { code: 'ERR_MALFORMED' })
          }
        }),
        { numRuns: 150 }
      )
    })

    it(`${format} turns mutated input into a value or ERR_MALFORMED, nothing else`, () => {
      const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
      fc.assert(
        fc.property(data, edits, (value, changes) => {
          const bytes = encoded(value, format)?.slice()
          if (bytes === undefined || bytes.length === 0) return
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte
          attempt(bytes, format)
        }),
        { numRuns: 3_000 }
      )
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => attempt(bytes, format)),
        { numRuns: 3_000 }
      )
    })

    it(`${format} refuses what it cannot carry, and says where`, () => {
      const circle: Record<string, unknown> = { name: 'x' }
      circle['self'] = { circle }
      class Point {
        x = 1
      }
      const deep = nest(200)
      const cases: [unknown, string][] = [
        [{ items: [0, 1, 2, { when: new Date(NaN) }] }, '$.items[3].when'],
        [() => 1, '$'],
        [{ 'not a name': [Symbol('s')] }, '$["not a name"][0]'],
        [new Map([['k', [new Point()]]]), '$[0].value[0]'],
        [new Map([[new Point(), 1]]), '$[0].key'],
        [new Set([1, () => 1]), '$[1]'],
        [{ a: { b: new Float32Array(2) } }, '$.a.b'],
        [[new Uint8ClampedArray(1)], '$[0]'],
        [[new ArrayBuffer(1)], '$[0]'],
        [{ r: /x/ }, '$.r'],
        [{ e: new Error('x') }, '$.e'],
        [{ p: Promise.resolve() }, '$.p'],
        [{ n: Object(1) }, '$.n'],
        [{ list: Array(2) }, '$.list'],
        // found without a look at each of its places
        [{ list: Array(2 ** 32 - 1) }, '$.list'],
        [{ list: new (class extends Array {})() }, '$.list'],
        [circle, '$.self.circle'],
        [deep, '$' + '.a'.repeat(128)],
        [{ d: Object.create(Date.prototype) }, '$.d'],
        [
          {
            get thrown() {
              throw new Error('no')
            }
          },
          '$'
        ],
        [{ a: [new Proxy({}, { ownKeys: () => assert.fail('no') })] }, '$.a[0]']
      ]
      for (const [value, path] of cases) {
        assert.throws(
          () => encodeData(value, format),
          (error: MeshError) => {
            assert.equal(error.code, 'ERR_UNREPRESENTABLE')
            assert.equal(error.details?.['path'], path)
            assert.ok(error.message.endsWith(` at ${path}`), error.message)
            return true
          },
          path
        )
      }
    })

    it(`${format} carries 128 levels and no prototype is touched`, () => {
      const value = nest(127)
      assert.deepStrictEqual(decodeData(encodeData(value, format), format), value)
      const hostile = JSON.parse(
        '{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1},"constructor":{"prototype":{}}}}'
      )
      const back = decodeData(encodeData(hostile, format), format) as Record<string, unknown>
      assert.deepEqual(Object.keys(back), ['__proto__', 'a'])
      assert.equal(Object.getPrototypeOf(back), Object.prototype)
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
    })

    it(`${format} takes a Buffer as bytes and an object without prototype as an object`, () => {
      const value = { b: Buffer.from([1, 2]), o: Object.assign(Object.create(null), { x: -0 }), e: Object.create(null) }
      const back = decodeData(encodeData(value, format), format)
      assert.deepStrictEqual(back, { b: new Uint8Array([1, 2]), o: { x: -0 }, e: {} })
      assert.deepStrictEqual(decodeData(Buffer.from(encodeData(value, format)), format), back)
    })
  }

  it('is not led astray by members that libraries look for', () => {
    const members = { constructor: 1, toJSON: 2, hasOwnProperty: 3, length: 4, toString: 6, valueOf: 7 }
    for (const format of FORMATS) {
      assert.deepStrictEqual(decodeData(encodeData(members, format), format), members)
      const bare = Object.assign(Object.create(null), members)
      assert.deepStrictEqual(decodeData(encodeData(bare, format), format), members)
    }
  })

  it('asks no toJSON that is no part of the data', () => {
    const hidden = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'other' })
    const named = Object.assign([1], { toJSON: () => 'other' })
    for (const format of FORMATS) {
      assert.deepStrictEqual(decodeData(encodeData([hidden, named], format), format), [{ a: 1 }, [1]])
    }
  })

  it('refuses a lone surrogate in MessagePack, in text and in keys, and carries it in JSON', () => {
    for (const [value, path] of [
      ['\ud800', '$'],
      [{ a: ['x\udc00y'] }, '$.a[0]'],
      [{ '\ud800': 1 }, '$']
    ] as const) {
      assert.throws(
        () => encodeData(value, 'messagepack'),
        (error: MeshError) => error.details?.['path'] === path
      )
      assert.deepStrictEqual(decodeData(encodeData(value, 'json'), 'json'), value)
    }
  })

  it('keeps real objects that look like tags apart from tags', () => {
    for (const format of FORMATS) {
      for (const value of [
        { $set: [1] },
        { $$set: [1] },
        { $undefined: true },
        { $ref: '#/a' },
        { $set: 1, b: 2 },
        { $: 1 }
      ]) {
        assert.deepStrictEqual(decodeData(encodeData(value, format), format), value)
      }
    }
    assert.equal(Buffer.from(encodeData({ $set: [1] }, 'json')).toString(), '{"$$set":[1]}')
    assert.equal(Buffer.from(encodeData(new Set([1]), 'json')).toString(), '{"$set":[1]}')
  })

  it('refuses a tag with something else in it', () => {
    const bodies = ['{"$set":{}}', '{"$map":[[1]]}', '{"$map":1}', '{"$bytes":"A"}', '{"$bytes":"AA"}', '{"$bytes":7}']
    bodies.push('{"$bigint":"12"}', '{"$bigint":"0x"}', '{"$date":"2020"}', '{"$date":7}', '{"$number":"1"}')
    bodies.push('{"$number":"toString"}', '{"$undefined":false}', '{"$object":[[1,2]]}', '[{"$set":"x"}]')
    for (const body of bodies) {
      assert.throws(() => decodeData(Buffer.from(body), 'json'), { code: 'ERR_MALFORMED' }, body)
      assert.throws(() => decodeData(new Packr({ useRecords: false }).pack(JSON.parse(body)), 'messagepack'), {
        code: 'ERR_MALFORMED'
      })
    }
  })

  it('carries bytes as they are, and nothing as nothing', () => {
    const bytes = new Uint8Array([1, 2, 3])
    assert.equal(decodeData(encodeData(bytes, 'bytes'), 'bytes'), bytes)
    assert.deepStrictEqual(decodeData(Buffer.from(bytes), 'bytes'), bytes)
    assert.equal(decodeData(encodeData(undefined, 'none'), 'none'), undefined)
    assert.throws(() => encodeData('text', 'bytes'), { code: 'ERR_UNREPRESENTABLE' })
    assert.throws(() => encodeData(null, 'none'), { code: 'ERR_UNREPRESENTABLE' })
    assert.throws(() => decodeData(bytes, 'none'), { code: 'ERR_MALFORMED' })
  })
})

function nest(levels: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = { a: value }
  return value
}

function attempt(bytes: Uint8Array, format: (typeof FORMATS)[number]): void {
  try {
    decodeData(bytes, format)
  } catch (error) {
    assert.ok(error instanceof MeshError, String(error))
    assert.equal(error.code, 'ERR_MALFORMED')
  }
}
