import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MeshError } from '../../../protocols/errors.ts'
import { parsePipelineStats, parseProcessReply } from '../../../protocols/pipeline/messages.ts'

const error = { name: 'HandlerError', code: 'ERR_HANDLER', message: 'broken', retryable: false }
const lost = { status: 'lost', sequence: 3, reason: 'skipped', stage: 'parse', attempts: 1, error }

describe('protocols/pipeline: messages', () => {
  it('takes both kinds of reply', () => {
    assert.deepEqual(parseProcessReply({ status: 'done', sequence: 0, result: [1] }), {
      status: 'done',
      sequence: 0,
      result: [1]
    })
    assert.deepEqual(parseProcessReply(lost), lost)
  })

  it('names the path of what is wrong', () => {
    for (const [data, path] of [
      [{ ...lost, error: { ...error, code: 5 } }, 'error.code'],
      [{ ...lost, sequence: -1 }, 'sequence'],
      [{ ...lost, stage: 'x'.repeat(129) }, 'stage'],
      [{ ...lost, reason: 'bored' }, 'reason']
    ] as const) {
      assert.throws(() => parseProcessReply(data), { code: 'ERR_MALFORMED', details: { path } })
    }
  })

  it('refuses any garbage with ERR_MALFORMED, never with another error', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withMap: true, withNullPrototype: true }), (garbage) => {
        for (const parse of [parseProcessReply, parsePipelineStats]) {
          assert.throws(
            () => parse(garbage),
            (thrown: unknown) => thrown instanceof MeshError && thrown.code === 'ERR_MALFORMED'
          )
        }
      })
    )
  })
})
