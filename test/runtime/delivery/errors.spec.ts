import assert from 'node:assert/strict'
import { MeshError, toRemoteShape } from '../../../protocols/errors.ts'
import { decodeNak, encodeNak } from '../../../protocols/point-to-point/codec.ts'
import { decodeFail, encodeFail } from '../../../protocols/request-response/codec.ts'

/** Everything that a handler may throw, some of it on purpose. */
const THROWN: Record<string, unknown> = {
  'an error': new RangeError('plain'),
  'an error of ours': new MeshError('ERR_TIMEOUT', 'late'),
  nothing: undefined,
  'a symbol': Symbol('s'),
  'an object without a prototype': Object.create(null),
  'an error whose texts are none': Object.assign(new Error('x'), { message: 5, name: null, code: {} }),
  'an error that throws when read': Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no')
    }
  }),
  'half a surrogate pair': new Error('\ud83d'),
  'a long text whose cut falls into a pair': new Error(`${'x'.repeat(2_046)}😀 and more`)
}

describe('errors as they cross', () => {
  for (const [name, thrown] of Object.entries(THROWN)) {
    it(`carry ${name}`, () => {
      const shape = toRemoteShape(thrown)
      const { call, error } = decodeFail(encodeFail(7, shape))
      assert.equal(call, 7)
      assert.equal(error.code, shape.code)
      assert.ok(error.message.isWellFormed() && error.message.length <= 2_048)
      const nak = decodeNak(encodeNak({ sequence: 3, error: shape, delay: undefined }))
      assert.deepEqual(nak.error, error)
      assert.equal(error.thrown, false)
      assert.equal(decodeFail(encodeFail(7, { ...shape, thrown: true })).error.thrown, true)
    })
  }

  it('keep class, code, message and whether to try again', () => {
    assert.deepEqual(toRemoteShape(Object.assign(new RangeError('r'), { code: 'E_OWN', retryable: true })), {
      name: 'RangeError',
      code: 'E_OWN',
      message: 'r',
      retryable: true
    })
    assert.equal(toRemoteShape('text').message, 'text')
  })
})
