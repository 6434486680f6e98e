import { isJoint, isVoter, leave } from './configuration.ts'
import { beginEarlyReads } from './read-index.ts'
import { append, broadcast } from './replication.ts'
import type { State } from './state.ts'

/**
 * A leader's: what a quorum has on disk is committed, if it is of the leader's own term. An entry of an earlier one may
 * be on a majority and yet be replaced (thesis 3.6.2, figure 3.7).
 */
export function advanceCommit(state: State): void {
  const index = state.quorumMatched
  if (index <= state.commit || state.log.term(index) !== state.term) return
  state.commit = index
  beginEarlyReads(state)
  endChange(state)
  broadcast(state)
  // Those who go on have been told; a leader that is no voter any more was to lead until here (thesis 4.2.2).
  const { configurations } = state.log
  if (configurations.index <= state.commit && !isVoter(configurations.current, state.id))
    state.becomeFollower(state.term, undefined)
}

/** A joint configuration that is committed is left at once, by whoever leads by then (thesis 4.3). */
function endChange(state: State): void {
  const { configurations } = state.log
  if (configurations.index > state.commit || !isJoint(configurations.current)) return
  append(state, [{ kind: 'configuration', configuration: leave(configurations.current) }])
}
