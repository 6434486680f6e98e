import type { State } from './state.ts'
import type { MessageOf } from './types.ts'

/** A round of heartbeats: the leader is there, and asks whether it still is the leader. */
export function beat(state: State): void {
  state.sinceHeartbeat = 0
  state.reads.begin(state.now)
  for (const [to, progress] of state.progress) {
    // No more than it is known to have: its log may differ above (thesis, figure 3.1).
    const commit = Math.min(progress.match, state.commit)
    state.sendAtOnce(to, { kind: 'heartbeat', commit, round: state.reads.round })
  }
}

/** Throws where what this node once had on disk is not there: it has forgotten what others count on. */
export function onHeartbeat(state: State, { from, commit, round }: MessageOf<'heartbeat'>): void {
  const { last } = state.log
  if (commit > last) throw new RangeError(`entry ${commit} is committed, and was here; the log ends with ${last}`)
  state.commit = Math.max(state.commit, commit)
  state.send(from, { kind: 'heartbeat-reply', round })
}
