import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BLOCK, type Claim, Numbering } from '../../../src/core/delivery/numbering.ts'

type Step = 'take' | 'settle' | 'write' | 'fail' | 'crash'

describe('a numbering', () => {
  it('never lets a number leave twice, whatever is written, fails or crashes, and its floor is below all that is open', () => {
    const steps = fc.array(
      fc.tuple(
        fc.oneof(
          { weight: 12, arbitrary: fc.constant<Step>('take') },
          { weight: 8, arbitrary: fc.constant<Step>('settle') },
          { weight: 3, arbitrary: fc.constant<Step>('write') },
          { weight: 1, arbitrary: fc.constant<Step>('fail') },
          { weight: 1, arbitrary: fc.constant<Step>('crash') }
        ),
        fc.nat(2_000)
      ),
      { maxLength: 60 }
    )
    fc.assert(
      fc.property(steps, (given) => {
        let numbering = new Numbering()
        /** The bound on disk, and one that is on its way there. */
        let written = 1
        let writing: number | undefined
        const left = new Set<number>()
        let open: Claim[] = []
        let floor = 1
        for (const [step, pick] of given) {
          if (step === 'take') {
            for (let i = 0; i <= pick % 700; i++) {
              open.push(numbering.take())
              writing ??= numbering.reserve()
            }
            for (const claim of open.slice(-700)) {
              if (!numbering.mayLeave(claim)) continue
              assert(claim.at < written, `${claim.at} left although only what is below ${written} is reserved`)
              left.add(claim.at)
            }
          } else if (step === 'settle') {
            const [claim] = open.splice(pick % (open.length + 1), 1)
            if (claim !== undefined) numbering.settle(claim)
          } else if (step === 'write' && writing !== undefined) {
            written = writing
            numbering.confirm(writing)
            writing = undefined
          } else if (step === 'fail' && writing !== undefined) {
            numbering.failed()
            writing = undefined
          } else if (step === 'crash') {
            const kept = open.filter((claim) => numbering.mayLeave(claim))
            for (const { at } of kept) left.add(at)
            numbering = new Numbering(written)
            writing = undefined
            open = kept.map(({ at }) => numbering.restore(at))
            const next = numbering.take()
            assert(!left.has(next.at), `${next.at} was used before the crash`)
            open.push(next)
          }
          const now = numbering.floor
          assert(
            open.every(({ at }) => at >= now),
            'a number below the floor is open'
          )
          assert(step === 'crash' || now >= floor, 'the floor fell')
          floor = now
        }
      })
    )
  })

  it('asks for the next block while half of the last is left, and again where the write failed', () => {
    const numbering = new Numbering()
    numbering.take()
    assert.equal(numbering.reserve(), 2 + BLOCK)
    assert.equal(numbering.reserve(), undefined, 'it is on its way')
    numbering.failed()
    assert.equal(numbering.reserve(), 2 + BLOCK)
    numbering.confirm(2 + BLOCK)
    for (let i = 0; i < BLOCK / 2; i++) numbering.take()
    assert.equal(numbering.reserve(), undefined)
    numbering.take()
    assert.equal(numbering.reserve(), 2 + 2 * BLOCK)
  })
})
