import type { Configuration } from './types.ts'

/** The number that a voter has reached: of an entry, or of a round of heartbeats. */
export type Reached = (voter: string) => number

export type VoteResult = 'won' | 'lost' | 'pending'

/** The greatest number that a quorum has reached: of both sets while the configuration is joint (thesis 4.3). */
export function quorumReached(configuration: Configuration, reached: Reached): number {
  const { voters, outgoing } = configuration
  return Math.min(majorityReached(voters, reached), majorityReached(outgoing, reached))
}

/** Nobody has to agree where nobody is: infinite. */
function majorityReached(voters: readonly string[], reached: Reached): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY
  const numbers: number[] = []
  for (const voter of voters) {
    const number = reached(voter)
    let at = numbers.length
    while (at > 0 && numbers[at - 1]! < number) at--
    numbers.splice(at, 0, number)
  }
  return numbers[Math.floor(voters.length / 2)]!
}

/** Won by a majority of both sets, lost as soon as one of them cannot be won any more. */
export function voteResult(configuration: Configuration, votes: ReadonlyMap<string, boolean>): VoteResult {
  const results = [majorityVote(configuration.voters, votes), majorityVote(configuration.outgoing, votes)]
  if (results.includes('lost')) return 'lost'
  return results.includes('pending') ? 'pending' : 'won'
}

function majorityVote(voters: readonly string[], votes: ReadonlyMap<string, boolean>): VoteResult {
  let granted = 0
  let refused = 0
  for (const voter of voters) {
    const vote = votes.get(voter)
    if (vote === true) granted++
    if (vote === false) refused++
  }
  if (voters.length === 0 || granted > voters.length / 2) return 'won'
  return refused >= voters.length / 2 ? 'lost' : 'pending'
}
