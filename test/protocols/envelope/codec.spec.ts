import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decode, encode } from '../../../protocols/envelope/codec.ts'
import { createMessage } from '../../../protocols/envelope/create.ts'
import type { Format, Message } from '../../../protocols/envelope/message.ts'
import { pack } from '../../../protocols/envelope/messagepack.ts'
import { MeshError } from '../../../protocols/errors.ts'
import { message } from './arbitraries.ts'

const FORMATS = ['messagepack', 'json'] as const

describe('envelope: whole messages', () => {
  for (const format of FORMATS) {
    it(`${format} brings back an equal message`, () => {
      let refused = 0
      fc.assert(
        fc.property(message, (original) => {
          let bytes: Uint8Array
          try {
            bytes = encode(original, format)
          } catch (error) {
            assert.equal((error as MeshError).code, 'ERR_UNREPRESENTABLE')
            refused++
            return
          }
          assert.deepStrictEqual(decode(bytes, format), original)
        }),
        { numRuns: 1_000 }
      )
      assert.ok(format === 'json' ? refused === 0 : refused < 400, `${refused} refused`)
    })

    it(`${format} shares no memory with the bytes that it read`, () => {
      const bytes = encode(createMessage(new Uint8Array([1, 2, 3])), format).slice()
      const back = decode(bytes, format)
      bytes.fill(0)
      assert.deepEqual(back.data, new Uint8Array([1, 2, 3]))
    })

    it(`${format} turns mutated input into a message, ERR_MALFORMED or ERR_INVALID_MESSAGE`, () => {
      const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
      const whole = encode(createMessage({ a: [1, 'two', { three: null }] }, { routing: { target: 'x' } }), format)
      fc.assert(
        fc.property(edits, (changes) => {
          const bytes = whole.slice()
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte
          try {
            decode(bytes, format)
          } catch (error) {
            assert.ok(error instanceof MeshError, String(error))
            assert.ok(['ERR_MALFORMED', 'ERR_INVALID_MESSAGE'].includes(error.code), error.code)
          }
        }),
        { numRuns: 2_000 }
      )
    })

    it(`${format} refuses a message that is none, both ways`, () => {
      const good = createMessage(1)
      for (const change of [
        { id: '' },
        { specversion: '1.0.2' },
        { source: '' },
        { time: 'now' },
        { routing: { hops: -1 } }
      ]) {
        const bad = { ...good, ...change } as Message
        assert.throws(() => encode(bad, format), { code: 'ERR_INVALID_MESSAGE' })
      }
      const bytes = format === 'json' ? (text: unknown) => Buffer.from(JSON.stringify(text)) : pack
      for (const bad of [null, 1, 'x', [], {}, { ...good, id: undefined }, { ...good, specversion: '1.0.2' }]) {
        assert.throws(() => decode(bytes(bad), format), { code: 'ERR_INVALID_MESSAGE' }, JSON.stringify(bad))
      }
    })

    it(`${format} drops no attribute that is none, and changes no bytes of a class`, () => {
      const details = { attribute: 'colour' }
      const bad = { ...createMessage(1), colour: 'red' }
      assert.throws(() => encode(bad, format), { code: 'ERR_INVALID_MESSAGE', details })
      class Pixels extends Uint8Array {}
      assert.throws(() => encode(createMessage(new Pixels(3)), format), { code: 'ERR_UNREPRESENTABLE' })
    })

    it(`${format} says where in the message a value cannot be carried`, () => {
      const at = (change: object) => () => encode({ ...createMessage({}), ...change }, format)
      const details = (path: string) => ({
        code: 'ERR_UNREPRESENTABLE',
        details: { path, format: format === 'json' ? 'JSON' : 'MessagePack' }
      })
      assert.throws(at({ data: { items: [1, () => 2] } }), details('$.data.items[1]'))
      const thrower = Object.defineProperty({}, 'a', { enumerable: true, get: () => assert.fail('no') })
      assert.throws(at({ data: thrower }), details('$.data'))
      assert.throws(at({ security: { principal: 'p', when: new Date(NaN) } }), details('$.security.when'))
    })

    it(`${format} ignores a trace that cannot be read`, () => {
      const { data, ...rest } = createMessage(1)
      const bad =
        format === 'json' ? { ...rest, data, traceparent: 'x' } : { ...rest, data, trace: { traceparent: 'x' } }
      const attributes = Object.fromEntries(
        Object.entries(bad).filter(([key]) => !['guarantee', 'routing', 'qos'].includes(key))
      )
      const bytes = format === 'json' ? Buffer.from(JSON.stringify(attributes)) : pack(attributes)
      assert.equal(decode(bytes, format).trace, undefined)
    })
  }

  it('reads attributes that are getters', () => {
    class Lazy {
      specversion = '1.0' as const
      id = '1'
      source = '/a'
      type = 't'
      time = '2026-01-01T00:00:00Z'
      subject = undefined
      get data() {
        return { a: 1 }
      }
    }
    const plain = { specversion: '1.0', id: '1', source: '/a', type: 't', time: '2026-01-01T00:00:00Z', data: { a: 1 } }
    for (const format of FORMATS) assert.deepStrictEqual(decode(encode(new Lazy(), format), format), plain)
  })

  it('names a format that is not built', () => {
    for (const format of ['protobuf', 'erlang-term', 'yaml'] as Format[]) {
      assert.throws(() => encode(createMessage(1), format), { code: 'ERR_UNSUPPORTED', details: { format } })
      assert.throws(() => decode(new Uint8Array(1), format), { code: 'ERR_UNSUPPORTED', details: { format } })
    }
  })
})
