import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeAck, encodeAck } from '../../../protocols/point-to-point/codec.ts'
import { Kind, MAX_RANGES } from '../../../protocols/point-to-point/constants.ts'
import { AckBatch } from '../../../src/runtime/delivery/ack-batch.ts'
import type { StreamLink } from '../../../src/runtime/links/link.ts'
import type { Turn } from '../../../src/runtime/links/turn.ts'

/** A batch over a link that only keeps what it is given. */
function batch() {
  const bodies: Uint8Array[] = []
  const link = {
    closed: false,
    send(kind: number, body: Uint8Array, counted: boolean) {
      assert.deepEqual([kind, counted], [Kind.ack, false])
      bodies.push(body)
    },
    flush() {}
  }
  const turn = { number: 0, schedule() {} }
  const acks = new AckBatch(link as unknown as StreamLink, turn as unknown as Turn)
  const decoded = (next: number): number[] => {
    const all: number[] = []
    const settle = (first: number, last: number): void => {
      for (let sequence = first; sequence <= last; sequence++) all.push(sequence)
    }
    for (const body of bodies) decodeAck(body, next, settle)
    return all
  }
  return { acks, bodies, decoded, link }
}

describe('acknowledgements', () => {
  it('arrive each once, in whatever order they were made', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(5_000), { maxLength: 500 }), fc.nat(50), (sequences, every) => {
        const { acks, decoded } = batch()
        for (const [i, sequence] of sequences.entries()) {
          acks.add(sequence)
          if (every > 0 && i % every === 0) acks.flush()
        }
        acks.flush()
        const sorted = (list: number[]): number[] => list.toSorted((a, b) => a - b)
        assert.deepEqual(sorted(decoded(5_001)), sorted(sequences))
      })
    )
  })

  it('of a row are one range', () => {
    const { acks, bodies } = batch()
    for (let i = 1_000; i < 100_000; i++) acks.add(i)
    acks.flush()
    assert.equal(bodies.length, 1)
    assert.ok(bodies[0]!.length < 8)
  })

  it('leave in several frames where they have many gaps', () => {
    const { acks, bodies, decoded } = batch()
    for (let i = 0; i < 2 * MAX_RANGES; i++) acks.add(2 * i)
    acks.flush()
    assert.equal(bodies.length, 2)
    assert.equal(decoded(4 * MAX_RANGES).length, 2 * MAX_RANGES)
  })

  it('say nothing over a link that is closed', () => {
    const { acks, bodies, link } = batch()
    acks.add(1)
    link.closed = true
    acks.flush()
    assert.deepEqual(bodies, [])
  })

  it('of what was never sent are refused, and of what was settled long ago cost nothing', () => {
    assert.throws(() => decodeAck(encodeAck([0, 10]), 10, () => {}), { code: 'ERR_PROTOCOL' })
    const ranges: [number, number][] = []
    decodeAck(encodeAck([0, 2 ** 40]), 2 ** 40 + 1, (first, last) => ranges.push([first, last]))
    assert.deepEqual(ranges, [[0, 2 ** 40]])
  })
})
