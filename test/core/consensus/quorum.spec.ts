import assert from 'node:assert/strict'
import fc from 'fast-check'
import { quorumReached, voteResult } from '../../../src/core/consensus/quorum.ts'

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
const some = fc.subarray(ids)
const joint = fc.record({ voters: some.filter(({ length }) => length > 0), outgoing: some, learners: some })

/** As one would say it: some number that more than half of each set has reached, and none greater. */
function dumbReached(sets: readonly string[][], reached: ReadonlyMap<string, number>): number {
  const enough = (number: number): boolean =>
    sets.every(
      (set) => set.length === 0 || set.filter((id) => (reached.get(id) ?? 0) >= number).length * 2 > set.length
    )
  return [0, ...reached.values()].filter(enough).reduce((a, b) => Math.max(a, b), 0)
}

/** As one would say it: what becomes of it if all who have not voted say yes, and if all say no. */
function dumbVote(sets: readonly string[][], votes: ReadonlyMap<string, boolean>): string {
  const wins = (rest: boolean): boolean =>
    sets.every((set) => set.length === 0 || set.filter((id) => votes.get(id) ?? rest).length * 2 > set.length)
  return wins(false) ? 'won' : wins(true) ? 'pending' : 'lost'
}

describe('a quorum (thesis 4.3)', () => {
  it('has reached what more than half of each set has, like a dumb version says', () => {
    fc.assert(
      fc.property(joint, fc.dictionary(fc.constantFrom(...ids), fc.nat(9)), (configuration, numbers) => {
        const reached = new Map(Object.entries(numbers))
        const sets = [configuration.voters, configuration.outgoing]
        const is = quorumReached(configuration, (id) => reached.get(id) ?? 0)
        assert.equal(is, dumbReached(sets, reached))
      }),
      { numRuns: 2_000 }
    )
  })

  it('votes like a dumb version: won, lost or open', () => {
    fc.assert(
      fc.property(joint, fc.dictionary(fc.constantFrom(...ids), fc.boolean()), (configuration, said) => {
        const votes = new Map(Object.entries(said))
        assert.equal(voteResult(configuration, votes), dumbVote([configuration.voters, configuration.outgoing], votes))
      }),
      { numRuns: 2_000 }
    )
  })
})
