import assert from 'node:assert/strict'
import { MeshError, RemoteError } from '../../protocols/errors.ts'
import { isAway } from '../../src/node/failures.ts'

const told = (code: string, thrown: boolean): RemoteError =>
  new RemoteError({ name: 'MeshError', code, message: '', retryable: true, thrown })

describe('what says that a receiver is away', () => {
  // "A receiver MAY refuse a number with ERR_LIMIT", protocols/point-to-point: the one at the floor is always taken.
  for (const code of ['ERR_NO_RESPONDERS', 'ERR_QUEUE_FULL', 'ERR_OVERLOADED', 'ERR_LIMIT', 'ERR_STORAGE'] as const) {
    it(`${code} of a host, not of a handler`, () => {
      assert.equal(isAway(told(code, false)), true)
      assert.equal(isAway(new MeshError(code, '')), true)
      assert.equal(isAway(told(code, true)), false)
    })
  }

  it('silence does; a handler that takes too long does not', () => {
    assert.equal(isAway(new MeshError('ERR_TIMEOUT', '')), true)
    assert.equal(isAway(told('ERR_TIMEOUT', false)), false)
  })
})
