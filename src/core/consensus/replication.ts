import { sizeOf } from './log.ts'
import type { Progress } from './progress.ts'
import { sendSnapshot } from './snapshot.ts'
import type { State } from './state.ts'
import type { EntryContent, MessageOf } from './types.ts'

/** A leader's new entries. It counts them itself once they are on its disk, and sends them before (thesis 10.2.1). */
export function append(state: State, contents: readonly EntryContent[]): void {
  for (const content of contents) {
    state.log.append({ ...content, index: state.log.last + 1, term: state.term })
    if (content.kind === 'configuration') state.followMembers()
  }
}

/** To every follower what it lacks, and how far the log is committed. */
export function broadcast(state: State): void {
  for (const [to, progress] of state.progress) replicate(state, to, progress)
}

/** As much as its window holds. `ask`: something in any case, whose answer tells what was lost. */
export function replicate(state: State, to: string, progress: Progress, ask = false): void {
  let must = ask
  while (sendAppend(state, to, progress, must)) must = false
}

/** True where another may follow. */
function sendAppend(state: State, to: string, progress: Progress, must: boolean): boolean {
  const { log, commit, options } = state
  if (progress.paused || progress.state === 'snapshot') return false
  const prevIndex = progress.next - 1
  const prevTerm = log.term(prevIndex)
  if (prevTerm === undefined) {
    sendSnapshot(state, to, progress)
    return false
  }
  const entries = progress.window.full ? [] : log.slice(progress.next, log.last, options.maxAppendBytes)
  const news = entries.length > 0 || progress.state === 'probe' || progress.sentCommit < Math.min(commit, prevIndex)
  if (!news && !must) return false
  const append = { kind: 'append', prevIndex, prevTerm, entries, commit } as const
  if (entries.length > 0 || progress.state === 'probe' || must) state.sendAtOnce(to, append)
  else state.tellCommit(to, append)
  let bytes = 0
  for (const entry of entries) bytes += sizeOf(entry)
  progress.sent(prevIndex + entries.length, bytes, commit)
  return entries.length > 0 && progress.state === 'replicate'
}

/** A follower's side (thesis, figure 3.1): agrees only where the entry before is the leader's, by induction all before too. */
export function onAppend(state: State, message: MessageOf<'append'>): void {
  const { log } = state
  const { from, prevIndex, prevTerm, entries } = message
  if (prevIndex < state.commit) {
    // What is committed agrees with any leader (thesis 3.6.3), whether it is still there or not.
    state.send(from, { kind: 'append-reply', index: state.commit, rejected: undefined })
    return
  }
  if (!log.matches(prevIndex, prevTerm)) {
    state.send(from, { kind: 'append-reply', index: prevIndex, rejected: log.hint(prevIndex, prevTerm) })
    return
  }
  log.merge(entries, state.commit)
  const last = prevIndex + entries.length
  state.commit = Math.max(state.commit, Math.min(message.commit, last))
  state.send(from, { kind: 'append-reply', index: last, rejected: undefined })
}
