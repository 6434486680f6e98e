import type { Progress } from './progress.ts'
import type { State } from './state.ts'
import type { MessageOf, Snapshot } from './types.ts'

/** A leader's: the follower needs what the log has no more (thesis 5.3). */
export function sendSnapshot(state: State, to: string, progress: Progress): void {
  const { snapshot } = state.log
  // It would wait for nothing: whoever is silent is asked by heartbeats first.
  if (!progress.active) return
  progress.toSnapshot(snapshot)
  sendPart(state, to, progress, snapshot)
}

/** One part is under way at a time. */
function sendPart(state: State, to: string, progress: Progress, snapshot: Snapshot): void {
  const { index, term, configuration, data } = snapshot
  const offset = progress.received
  state.sendAtOnce(to, {
    kind: 'snapshot',
    meta: { index, term, configuration },
    offset,
    total: data.byteLength,
    data: data.subarray(offset, offset + state.options.chunkBytes)
  })
}

/** A follower's answer to a part: the next one goes. Less than before tells that it has begun again. */
export function onSnapshotReply(state: State, { from, index, received }: MessageOf<'snapshot-reply'>): void {
  const progress = state.progress.get(from)
  if (progress?.snapshot?.index !== index || received === progress.received) return
  progress.received = Math.min(received, progress.snapshot.data.byteLength)
  progress.moved = true
  sendPart(state, from, progress, progress.snapshot)
}

/** The follower gives a sign: what it has not taken since the last one was lost. */
export function resumeSnapshot(state: State, to: string, progress: Progress): void {
  if (progress.snapshot !== undefined && !progress.moved) sendPart(state, to, progress, progress.snapshot)
  progress.moved = false
}

/** Said by whoever carries the parts, or brought the snapshot another way. After a failure the follower is probed again. */
export function onSnapshotStatus(state: State, peer: string, ok: boolean): void {
  const progress = state.progress.get(peer)
  if (progress?.snapshot === undefined) return
  progress.toProbe(ok ? progress.snapshot.index + 1 : undefined)
  progress.paused = true
}

/** A follower's: takes parts in order, and says what it has, so that the leader knows which is next. */
export function onSnapshot(state: State, message: MessageOf<'snapshot'>): void {
  const { from, term, meta, offset, total, data } = message
  if (meta.index <= state.commit) {
    state.incoming = undefined
    state.send(from, { kind: 'append-reply', index: state.commit, rejected: undefined })
    return
  }
  let { incoming } = state
  const known = incoming?.from === from && incoming.term === term && incoming.index === meta.index
  if (incoming === undefined || !known || incoming.total !== total) {
    // Two nodes may write the same state in different bytes: parts of both do not fit.
    incoming = state.incoming = { from, term, index: meta.index, total, parts: [], received: 0 }
  }
  if (offset === incoming.received) {
    incoming.parts.push(data)
    incoming.received += data.byteLength
  }
  if (incoming.received < total) {
    state.send(from, { kind: 'snapshot-reply', index: meta.index, received: incoming.received })
    return
  }
  state.incoming = undefined
  install(state, { ...meta, data: joined(incoming.parts, total) })
  state.send(from, { kind: 'append-reply', index: meta.index, rejected: undefined })
}

/** A log that has the snapshot's last entry only learns that it is committed (thesis, figure 5.3, step 6). */
function install(state: State, snapshot: Snapshot): void {
  state.commit = snapshot.index
  if (state.log.matches(snapshot.index, snapshot.term)) return
  state.log.restore(snapshot)
  state.installed = snapshot
  state.handedOut = snapshot.index
}

function joined(parts: readonly Uint8Array[], total: number): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const data = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    data.set(part, at)
    at += part.byteLength
  }
  return data
}
