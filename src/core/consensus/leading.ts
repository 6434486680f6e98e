import { advanceCommit } from './commit.ts'
import { beat } from './heartbeat.ts'
import type { Progress } from './progress.ts'
import { voteResult } from './quorum.ts'
import { confirmReads } from './read-index.ts'
import { append, broadcast, replicate } from './replication.ts'
import { resumeSnapshot } from './snapshot.ts'
import type { State } from './state.ts'
import { handOver } from './transfer.ts'
import type { MessageOf } from './types.ts'

/** An empty entry of the new term: with it all before it is committed (thesis 3.6.2), and reads may begin (6.4). */
export function lead(state: State): void {
  state.becomeLeader()
  append(state, [{ kind: 'empty' }])
  beat(state)
  broadcast(state)
}

export function tickLeader(state: State): void {
  if (++state.elapsed >= state.options.electionTicks) {
    state.elapsed = 0
    if (!heardQuorum(state)) {
      state.becomeFollower(state.term, undefined)
      return
    }
  }
  const { transfer } = state
  if (transfer !== undefined && --transfer.ticks <= 0) state.transfer = undefined
  if (++state.sinceHeartbeat >= state.options.heartbeatTicks) {
    beat(state)
    confirmReads(state)
  }
}

/** A leader whom no quorum answers may have been replaced, and keeps its clients from finding the new one (thesis 6.2). */
function heardQuorum(state: State): boolean {
  const active = new Map([[state.id, true]])
  for (const [id, progress] of state.progress) {
    active.set(id, progress.active)
    progress.active = false
  }
  return voteResult(state.configuration, active) === 'won'
}

export function onAppendReply(state: State, { from, index, rejected }: MessageOf<'append-reply'>): void {
  const progress = state.progress.get(from)
  if (progress === undefined) return
  progress.active = true
  if (rejected !== undefined) {
    // Both sides pass over whole terms (thesis 3.5).
    const { index: candidate } = state.log.hint(rejected.index, rejected.term)
    if (progress.fallBack(index, candidate)) replicate(state, from, progress)
    return
  }
  const news = progress.reached(index)
  if (agrees(state, progress, index)) progress.toReplicate()
  if (news) advanceCommit(state)
  // It was committed that this node leads no more.
  if (state.role !== 'leader') return
  replicate(state, from, progress)
  handOver(state)
}

/** What was looked for has been found: where the logs agree, or the end of the snapshot, be the log compacted again or not. */
function agrees(state: State, progress: Progress, index: number): boolean {
  const { match, snapshot } = progress
  if (snapshot !== undefined) return match >= snapshot.index || state.log.term(match) !== undefined
  return progress.state === 'probe' && index === progress.match
}

export function onHeartbeatReply(state: State, { from, round }: MessageOf<'heartbeat-reply'>): void {
  const progress = state.progress.get(from)
  if (progress === undefined) return
  progress.active = true
  progress.paused = false
  if (round > progress.round) {
    progress.round = round
    confirmReads(state)
  }
  resumeSnapshot(state, from, progress)
  if (progress.match < state.log.last) replicate(state, from, progress, true)
}
