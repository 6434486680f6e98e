import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BlockDecoder } from '../../../protocols/causality/block-decoder.ts'
import { BlockEncoder } from '../../../protocols/causality/block-encoder.ts'
import * as codec from '../../../protocols/causality/codec.ts'
import { type DestinationKind, MAX_SLOTS, type Way } from '../../../protocols/causality/constants.ts'
import type { Dependency, HeldDependency } from '../../../protocols/causality/messages.ts'
import { Cursor, writeVarint } from '../../../protocols/envelope/varint.ts'

const plain = { noNullPrototype: true }
const name = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }).filter((text) => text.isWellFormed())
const whole = fc.integer({ min: 1, max: 2 ** 50 })
const kind = fc.integer({ min: 0, max: 3 }) as fc.Arbitrary<DestinationKind>
const way = fc.integer({ min: 0, max: 2 }) as fc.Arbitrary<Way>
const dependency = fc.record({ kind, destination: name, producer: name, epoch: whole, number: whole }, plain)
const bare = ({ kind, destination, producer, epoch, number }: Dependency): Dependency => ({
  ...{ kind, destination, producer, epoch, number }
})

describe('causality codec', () => {
  it('carries stamps on a stream, telling each dependency when it changes', () => {
    const step = fc.record({
      number: whole,
      back: fc.nat(1_000),
      raise: fc.array(fc.nat(9)),
      again: fc.array(dependency, { maxLength: 5 })
    })
    fc.assert(
      fc.property(
        fc.array(dependency, { minLength: 10, maxLength: 10 }),
        fc.array(step, { maxLength: 20 }),
        (named, steps) => {
          const held = named.map((each, slot) => ({ ...each, slot, changed: -1 }))
          const [encoder, decoder] = [new BlockEncoder(), new BlockDecoder()]
          const known = new Map<string, number>()
          for (const { number, back, raise, again } of steps) {
            for (const i of raise) held[i]!.number++
            const previous = Math.max(0, number - 1 - back)
            const stamp = {
              epoch: 7,
              number,
              previous,
              dependencies: held as HeldDependency[],
              log: undefined,
              own: held[0],
              again
            }
            const out = Buffer.alloc(encoder.measure(stamp))
            const end = encoder.write(out, 0, stamp)
            const cursor = new Cursor().open(out.subarray(0, end))
            decoder.read(cursor)
            assert.equal(cursor.position, end)
            assert.deepEqual([decoder.epoch, decoder.number, decoder.previous], [7, number, previous])
            const heard = decoder.changes.slice(0, decoder.count)
            assert.deepEqual(heard.slice(heard.length - again.length).map(bare), again)
            for (const each of heard.slice(0, heard.length - again.length))
              known.set(JSON.stringify({ ...bare(each), number: 0 }), each.number)
            for (const each of held.slice(1)) assert.ok([...known.values()].includes(each.number))
          }
        }
      )
    )
  })

  it('carries frames', () => {
    const statement = fc.record({ producer: name, epoch: whole, number: whole }, plain)
    fc.assert(
      fc.property(fc.array(statement), (all) =>
        assert.deepEqual(codec.decodeStatements(codec.encodeStatements(all)), all)
      )
    )
    const missing = fc.record({ epoch: whole, way, passed: whole, number: whole }, plain)
    fc.assert(fc.property(missing, (it) => assert.deepEqual(codec.decodeMissing(codec.encodeMissing(it)), it)))
    fc.assert(
      fc.property(whole, way, (epoch, by) =>
        assert.deepEqual(codec.decodeComing(codec.encodeComing(epoch, by)), { epoch, way: by })
      )
    )
    fc.assert(
      fc.property(whole, way, whole, fc.nat(1_000), fc.array(dependency), (epoch, by, previous, more, dependencies) => {
        const fill = { epoch, way: by, previous, number: previous + more, dependencies }
        const read = codec.decodeFill(codec.encodeFill(fill))
        assert.deepEqual({ ...read, dependencies: read.dependencies.map(bare) }, fill)
      })
    )
  })

  it('refuses a slot that the table does not have', () => {
    const spelled = [0x00, 0x01, 0x61, 0x01, 0x62, 0x01, 0x01]
    const stampWith = (code: number): Uint8Array => {
      const out = Buffer.alloc(32)
      out.set([0x09, 0x01])
      const at = writeVarint(out, 2, code)
      out.set(spelled, at)
      return out.subarray(0, at + spelled.length)
    }
    const read = (code: number): void => new BlockDecoder().read(new Cursor().open(stampWith(code)))
    for (const code of [3, 2 * MAX_SLOTS + 1]) read(code)
    for (const code of [1, 2 * MAX_SLOTS + 3, 2 ** 31 + 1, 2 ** 32 + 3, 2 ** 52 + 1])
      assert.throws(() => read(code), { code: 'ERR_MALFORMED' }, `${code}`)
  })

  it('refuses garbage with ERR_MALFORMED', () => {
    const readers = [codec.decodeStatements, codec.decodeMissing, codec.decodeFill, codec.decodeComing]
    const all = [...readers, (bytes: Uint8Array) => new BlockDecoder().read(new Cursor().open(bytes))]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const read of all) {
          try {
            read(bytes)
          } catch (error) {
            assert.equal((error as { code: string }).code, 'ERR_MALFORMED')
          }
        }
      })
    )
    for (const bytes of [
      [0x00],
      [0x09, 0x01, 0x07],
      [0x08, 0x02],
      [0xff, 0xff, 0x7f],
      [0x08, 0x00, 0x09],
      [0x05, 0x01]
    ]) {
      assert.throws(() => new BlockDecoder().read(new Cursor().open(Uint8Array.from(bytes))), { code: 'ERR_MALFORMED' })
    }
  })
})
