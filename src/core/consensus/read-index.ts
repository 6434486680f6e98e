import { beat } from './heartbeat.ts'
import { quorumReached } from './quorum.ts'
import type { State } from './state.ts'

/** A leader's read: of what was committed when it began, once it is known that nobody else led by then (thesis 6.4). */
export function readIndex(state: State, context: number): void {
  const { reads, options } = state
  if (!knowsCommit(state)) {
    reads.tooEarly(context)
    return
  }
  if (options.lease !== undefined && !state.forced && reads.holdsLease(state.now, options.lease)) {
    reads.confirm(context, state.commit)
    return
  }
  if (reads.needsRound) beat(state)
  reads.wait(context, state.commit)
  confirmReads(state)
}

/** A leader knows what is committed as soon as something of its own term is (thesis 6.4, step 1). */
export function knowsCommit(state: State): boolean {
  return state.log.term(state.commit) === state.term
}

/** Something was committed: reads that came before may begin. */
export function beginEarlyReads(state: State): void {
  if (knowsCommit(state)) for (const context of state.reads.takeEarly()) readIndex(state, context)
}

/** The leader itself follows itself in every round. */
export function confirmReads(state: State): void {
  const { reads } = state
  const round = quorumReached(state.configuration, (id) =>
    id === state.id ? reads.round : (state.progress.get(id)?.round ?? 0)
  )
  reads.answered(round)
}
