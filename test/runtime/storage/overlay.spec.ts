import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Overlay } from '../../../src/runtime/storage/overlay.ts'

const KEYS = ['a', 'b', 'c', 'd']

/** A key to set in the open group, or what happens to the groups. */
const step = fc.oneof(fc.constantFrom(...KEYS), fc.constantFrom('write' as const, 'written' as const, 'fail' as const))

describe('values on their way to disk', () => {
  it('are the newest of the groups that are not there yet, whatever comes in which order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const overlay = new Overlay<{ version: number }>()
        let open: Map<string, number> | undefined
        let underWay: Map<string, number> | undefined
        for (const [version, it] of steps.entries()) {
          if (it === 'write') {
            if (underWay === undefined) [underWay, open] = [open, undefined]
          } else if (it === 'written') {
            if (underWay === undefined) continue
            underWay = undefined
            overlay.written(open === undefined)
          } else if (it === 'fail') {
            open = underWay = undefined
            overlay.clear()
          } else {
            if (open === undefined) overlay.begin()
            open ??= new Map()
            open.set(it, version)
            overlay.set(it, { version })
          }
          const model = new Map([...(underWay ?? []), ...(open ?? [])])
          for (const key of KEYS) {
            assert.equal(overlay.get(key)?.version, model.get(key))
            assert.equal(overlay.has(key), model.has(key))
          }
          assert.deepEqual(new Set(overlay.keys()), new Set(model.keys()))
        }
      })
    )
  })
})
