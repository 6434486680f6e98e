import { lead } from './leading.ts'
import { voteResult } from './quorum.ts'
import type { State } from './state.ts'
import type { MessageOf } from './types.ts'

/** Asks first who would vote for it, so that a node that cannot win raises nobody's term (thesis 9.6). */
export function campaign(state: State): void {
  if (state.role === 'leader' || !state.electable) return
  state.becomePreCandidate()
  state.votes.set(state.id, true)
  request(state, true, false)
  poll(state)
}

/** An election at once. `force`: the leader asked for it, whom its followers need not stand by any more (thesis 3.10). */
export function stand(state: State, force: boolean): void {
  if (state.role === 'leader' || !state.electable) return
  state.becomeCandidate()
  request(state, false, force)
}

function request(state: State, pre: boolean, force: boolean): void {
  const { last: lastIndex, lastTerm } = state.log
  const { voters, outgoing } = state.configuration
  for (const to of new Set([...voters, ...outgoing])) {
    if (to === state.id) continue
    if (pre) state.sendAtOnce(to, { kind: 'vote', pre, force, lastIndex, lastTerm }, state.term + 1)
    else state.send(to, { kind: 'vote', pre, force, lastIndex, lastTerm })
  }
}

/** While a leader is heard of, nobody else is voted for, nor is its term believed (thesis 4.2.3, 6.2). */
export function standsByLeader(state: State, { term, force }: MessageOf<'vote'>): boolean {
  if (force || term <= state.term) return false
  return state.role === 'leader' || state.sinceLeader < state.options.electionTicks
}

/**
 * A rule of our own: the way to the leader broke, as it does when its process ends. Whoever suspects it rightly need not wait as long as for
 * one that is only silent. A leader that lives is heard of again before anybody stands, and where it reaches a quorum its
 * followers refuse the pre-vote. With leases it is owed all of the time.
 */
export function suspectLeader(state: State): void {
  if (state.options.lease !== undefined) return
  state.sinceLeader = Math.max(state.sinceLeader, state.options.electionTicks)
  state.shortenTimer()
}

/** Whoever asks is answered, a voter of the own configuration or not: it may know of a later one (thesis 4.2.2). */
export function onVote(state: State, { from, term, pre, lastIndex, lastTerm }: MessageOf<'vote'>): void {
  const free = state.vote === from || (state.vote === undefined && state.leader === undefined)
  const granted = (free || (pre && term > state.term)) && state.log.isUpToDate(lastIndex, lastTerm)
  if (pre) {
    state.sendAtOnce(from, { kind: 'vote-reply', pre, granted }, granted ? term : state.term)
    return
  }
  if (granted) {
    state.vote = from
    state.restartTimer()
  }
  state.send(from, { kind: 'vote-reply', pre, granted })
}

export function onVoteReply(state: State, { from, pre, granted }: MessageOf<'vote-reply'>): void {
  if (state.role !== (pre ? 'pre-candidate' : 'candidate')) return
  if (!state.votes.has(from)) state.votes.set(from, granted)
  poll(state)
}

/** Its own vote counts as any other does: once it cannot be forgotten. */
export function countOwnVote(state: State): void {
  if (state.role !== 'candidate' || state.log.writes.term !== state.term) return
  state.votes.set(state.id, true)
  poll(state)
}

function poll(state: State): void {
  const result = voteResult(state.configuration, state.votes)
  if (result === 'lost') state.becomeFollower(state.term, undefined)
  if (result !== 'won') return
  if (state.role === 'pre-candidate') stand(state, false)
  else lead(state)
}

export function tickFollower(state: State): void {
  if (++state.elapsed >= state.patience) {
    state.restartTimer()
    // Who may not stand says at least that it hears of nobody: a learner, or one that was left out and not told.
    if (state.electable) campaign(state)
    else state.leader = undefined
  }
}
