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

export function onHeartbeat(state: State, { from, commit, round }: MessageOf<'heartbeat'>): void {
  state.commit = Math.max(state.commit, Math.min(commit, state.log.last))
  state.send(from, { kind: 'heartbeat-reply', round })
}
